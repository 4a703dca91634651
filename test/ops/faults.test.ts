import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { parseDay } from "../../lib/model/day.ts";
import { openStore } from "../../lib/store/index.ts";
import { ArchiveFolder, linesOf, walkOf } from "../rig/make-archive.ts";
import { minimalRegistry, minimalRegistryFile } from "../rig/registry.ts";
import { barkeep, projectRoot, temporaryFolder } from "./run.ts";

const symbols = minimalRegistryFile();
const day = parseDay("2024-03-05");

function newArchive(): ArchiveFolder {
  const archive = new ArchiveFolder(temporaryFolder("faults-archive"));
  archive.putWalk(day, 2, 400);
  return archive;
}

function populateWords(archive: ArchiveFolder, state: string): string[] {
  const places = ["--archive", archive.root, "--symbols", symbols, "--state", state];
  const dates = ["--start-date", day, "--end-date", "2024-03-06"];
  return ["populate", "--symbol", "BTCUSDT", "--threshold", "20", ...places, ...dates];
}

const statusSchema = z.object({ series: z.array(z.object({ complete: z.boolean(), differing: z.array(z.string()) })) });

test("a reader that is gone ends no work: the store is filled and the exit code is populate's own", async () => {
  const state = join(temporaryFolder("faults-pipe"), "state");
  const words = [join(projectRoot, "bin/barkeep.mjs"), ...populateWords(newArchive(), state)];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.destroy();
  child.stderr.destroy();
  await once(child, "exit");
  assert.equal(child.exitCode, 0);
  const status = await barkeep(["status", "--json", "--state", state, "--symbols", symbols]);
  assert.equal(statusSchema.parse(JSON.parse(status.stdout)).series.length, 1);
});

test("an export whose reader has stopped reading ends at the first Ctrl-C with 130", async () => {
  const state = join(temporaryFolder("faults-export"), "state");
  const archive = new ArchiveFolder(temporaryFolder("faults-export-archive"));
  archive.putWalk(day, 2, 20_000);
  const fine = populateWords(archive, state).map((word) => (word === "20" ? "1" : word));
  assert.equal((await barkeep(fine)).code, 0);
  const words = ["export-bars", "BTCUSDT@1", "--columns", "all", "--state", state];
  const child = spawn(process.execPath, [join(projectRoot, "bin/barkeep.mjs"), ...words], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  await once(child.stdout, "readable");
  child.kill("SIGINT");
  await ended;
  assert.equal(child.exitCode, 130, `${child.signalCode}`);
});

test("bars that were lost, doubled or changed behind our back are no longer proven", async () => {
  for (const damage of [
    "TRUNCATE TABLE barkeep.bars",
    "INSERT INTO barkeep.bars SELECT * FROM barkeep.bars WHERE is_orphan = 0 LIMIT 1",
    "INSERT INTO barkeep.bars SELECT * REPLACE (close + 1 AS close) FROM barkeep.bars WHERE is_orphan = 0 LIMIT 1",
  ]) {
    const state = join(temporaryFolder("faults-damage"), "state");
    assert.equal((await barkeep(populateWords(newArchive(), state))).code, 0);
    const store = await openStore({ stateDirectory: state });
    await store.command(damage);
    await store.close();
    const status = await barkeep(["status", "--json", "--state", state, "--symbols", symbols]);
    assert.equal(status.code, 1, damage);
    assert.deepEqual(statusSchema.parse(JSON.parse(status.stdout)).series, [{ complete: false, differing: ["2024"] }]);
    const verify = await barkeep(["verify", "BTCUSDT@20", "--state", state, "--symbols", symbols]);
    assert.equal(verify.code, 1);
    assert.match(verify.stdout, /DIGEST: segment 2024/);
  }
});

test("a series with a declared hole verifies", async () => {
  const state = join(temporaryFolder("faults-hole"), "state");
  const archive = new ArchiveFolder(temporaryFolder("faults-hole-archive"));
  archive.putWalk(day, 1, 400);
  const later = parseDay("2024-03-07");
  archive.putLines(later, linesOf(walkOf(later, 5000, 400)));
  const declared = join(temporaryFolder("faults-hole-registry"), "symbols.toml");
  const gap = 'known_gaps = [{ start_date = 2024-03-06, end_date = 2024-03-06, reason = "test" }]\n';
  writeFileSync(declared, minimalRegistry(gap));
  const common = ["--symbols", declared, "--state", state, "--archive", archive.root];
  const asked = ["--symbol", "BTCUSDT", "--threshold", "20", "--start-date", day, "--end-date", "2024-03-07"];
  const built = await barkeep(["populate", ...asked, ...common]);
  assert.equal(built.code, 0, built.stderr);
  for (const words of [["verify", "BTCUSDT@20"], ["verify", "BTCUSDT@20", "--deep"], ["status"]]) {
    const outcome = await barkeep([...words, ...common]);
    assert.equal(outcome.code, 0, outcome.stdout + outcome.stderr);
  }
});

test("a symbol that is no name is refused whatever the gate says", async () => {
  const state = join(temporaryFolder("faults-name"), "state");
  const words = populateWords(newArchive(), state).map((word) => (word === "BTCUSDT" ? "btc/usdt" : word));
  const outcome = await barkeep(words, { RANGEBAR_SYMBOL_GATE: "off" });
  assert.equal(outcome.code, 3);
  assert.match(outcome.stderr, /BAD_SYMBOL/);
});
