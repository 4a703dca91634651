import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseDay } from "../../lib/model/day.ts";
import { Mirror } from "../../lib/sources/archive/mirror.ts";
import { temporaryFolder } from "../ops/run.ts";

const day = parseDay("2024-03-05");

test("a sweep leaves what another run is receiving, and removes what dead ones left", async () => {
  const root = join(temporaryFolder("sweep"), "mirror");
  const mirror = new Mirror(root);
  const path = mirror.pathOf("spot", "BTCUSDT", day, "0".repeat(64));
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("one half, ");
    // A second command opens the archive while the first one receives.
    await new Mirror(root).sweep("spot", "BTCUSDT");
    yield Buffer.from("the other");
  }
  const received = await mirror.receive(path, body());
  await new Mirror(root).sweep("spot", "BTCUSDT");
  await mirror.keep(received, path);
  const kept = readdirSync(join(root, "spot", "BTCUSDT"));
  assert.equal(kept.length, 1);

  const folder = join(root, "spot", "BTCUSDT");
  const dead = spawnSync(process.execPath, ["--version"]).pid;
  const id = "123e4567-e89b-42d3-a456-426614174000";
  const names = {
    dead: `.${dead}@${encodeURIComponent(hostname())}.${id}.part`,
    young: `.${dead}@elsewhere.example.${id}.part`,
    old: `.${dead}@long.gone.example.${id}.part`,
    unnamed: `.${id}.part`,
  };
  mkdirSync(folder, { recursive: true });
  for (const name of Object.values(names)) writeFileSync(join(folder, name), "half");
  const longAgo = new Date(Date.now() - 25 * 3_600_000);
  utimesSync(join(folder, names.old), longAgo, longAgo);
  await mirror.sweep("spot", "BTCUSDT");
  assert.deepEqual(readdirSync(folder).toSorted(), [...kept, names.young, names.unnamed].toSorted());
});
