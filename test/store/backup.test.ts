import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { barkeep, projectRoot, temporaryFolder } from "../ops/run.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { ServedStoreProcess } from "../rig/serve.ts";

/** The order of docs/durability.md: what says which bars exist is copied before the bars, and restored after them. */
const copyOrder = ["identity", "pointer", "builds", "coverage", "bars"] as const;
const identity = "SELECT id FROM barkeep.identity ORDER BY created_at, id LIMIT 1";

const firstDay = parseDay("2024-03-01");
const dayCount = 40;
const symbols = minimalRegistryFile();
const statusSchema = z.object({
  series: z.array(z.object({ series: z.string(), days: z.number(), complete: z.boolean(), digest: z.string() })),
});

async function ask(store: ServedStoreProcess, query: string, body?: Uint8Array): Promise<Buffer> {
  const url = `${store.url}/?max_partitions_per_insert_block=0&query=${encodeURIComponent(query)}`;
  const authorization = `Basic ${Buffer.from(`${store.user}:${store.password}`).toString("base64")}`;
  const init = {
    method: "POST",
    headers: { authorization },
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
  };
  const response = await fetch(url, init);
  const bytes = Buffer.from(await response.arrayBuffer());
  assert.equal(response.status, 200, bytes.toString("utf8", 0, 500));
  return bytes;
}

async function statusOf(state: string): Promise<z.infer<typeof statusSchema>["series"]> {
  const { stdout } = await barkeep(["status", "--json", "--state", state, "--symbols", symbols]);
  return statusSchema.parse(JSON.parse(stdout)).series;
}

test("a store that is copied while it is being filled restores to a proven prefix, and goes on to the clean run's bytes", async () => {
  const archive = new ArchiveFolder(temporaryFolder("backup-archive"));
  archive.putWalk(firstDay, dayCount, 300);
  const asked = ["--symbol", "BTCUSDT", "--threshold", "20", "--threshold", "60", "--segment", "week"];
  const dates = ["--start-date", firstDay, "--end-date", addDays(firstDay, dayCount - 1)];
  const populate = ["populate", ...asked, ...dates, "--symbols", symbols];

  const clean = join(temporaryFolder("backup-clean"), "state");
  assert.equal((await barkeep([...populate, "--archive", archive.root, "--state", clean])).code, 0);

  const [from, to] = ["backup-from", "backup-to"].map((name) => join(temporaryFolder(name), "state"));
  assert.ok(from !== undefined && to !== undefined);
  await using server = new ArchiveServer(archive.root);
  const base = await server.start();
  const copies = new Map<string, Buffer>();
  {
    await using served = await ServedStoreProcess.start(from);
    const words = [join(projectRoot, "bin/barkeep.mjs"), ...populate, "--archive", base, "--state", from];
    const child = spawn(process.execPath, words, { stdio: "ignore" });
    const ended = once(child, "exit");
    // Copied between commits of a run that goes on.
    while ((await ask(served, "SELECT count() >= 8 FROM barkeep.coverage")).toString() !== "1\n") await sleep(20);
    for (const table of copyOrder) {
      copies.set(table, await ask(served, `SELECT * FROM barkeep.${table} FORMAT Native`));
      await sleep(50);
    }
    child.kill("SIGINT");
    await ended;
    copies.set("oldest identity", await ask(served, identity));
  }
  {
    await using served = await ServedStoreProcess.start(to);
    for (const table of copyOrder.toReversed()) {
      await ask(served, `INSERT INTO barkeep.${table} FORMAT Native`, copies.get(table));
    }
    assert.deepEqual(await ask(served, identity), copies.get("oldest identity"), "it is the same store");
  }
  const restored = await statusOf(to);
  assert.equal(restored.length, 2);
  assert.ok(
    restored.every(({ complete, days }) => complete && days > 0),
    JSON.stringify(restored),
  );
  for (const { series } of restored) {
    const deep = ["verify", series, "--deep", "--archive", archive.root, "--state", to, "--symbols", symbols];
    const { code, stdout, stderr } = await barkeep(deep);
    assert.equal(code, 0, stdout + stderr);
  }
  const rest = await barkeep([...populate, "--archive", archive.root, "--state", to]);
  assert.equal(rest.code, 0, rest.stderr);
  assert.deepEqual(await statusOf(to), await statusOf(clean));
});
