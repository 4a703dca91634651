import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { loadRegistry, loadSettings, readEnvironment } from "../../lib/config/index.ts";
import { resolveWork } from "../../lib/datasets/range/request.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { populateWork } from "../../lib/datasets/range/run.ts";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { RetryableError } from "../../lib/model/errors.ts";
import { exitCodeOf, exitCodes } from "../../lib/model/exit-codes.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { openStore, storeSettings } from "../../lib/store/index.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { RunningCommand } from "../rig/command.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { freePort } from "../rig/ports.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { barkeep, temporaryFolder } from "./run.ts";

const symbols = minimalRegistryFile();
const folder = new ArchiveFolder(temporaryFolder("away-archive"));
const firstDay = parseDay("2024-02-04");
const days = 49;
const asked = ["--symbol", "BTCUSDT", "--threshold", "5", "--threshold", "40", "--segment", "week"];
const dates = ["--start-date", firstDay, "--end-date", addDays(firstDay, days - 1)];

before(() => folder.putWalk(firstDay, days, 1_000));

/** The words of a populate whose mirror stands in a state directory of its own. */
function populateWords(archive: string, state: string): string[] {
  return ["populate", "--archive", archive, "--symbols", symbols, "--state", state, ...asked, ...dates];
}

const statusSchema = z.object({
  series: z.array(z.object({ series: z.string(), digest: z.string(), bars: z.number(), complete: z.boolean() })),
});

async function statusOf(state: string, env: Record<string, string> = {}): Promise<unknown> {
  const { code, stdout, stderr } = await barkeep(["status", "--json", "--symbols", symbols, "--state", state], env);
  assert.equal(code, 0, stderr);
  return statusSchema.parse(JSON.parse(stdout));
}

test("S-01 a store that is killed in the middle of a run and comes back: the run goes on, and ends with the digest of a clean one", async () => {
  const clean = temporaryFolder("away-clean");
  const direct = await barkeep(populateWords(folder.root, clean));
  assert.equal(direct.code, 0, direct.stderr);

  await using archive = new ArchiveServer(folder.root);
  archive.delayMs = 100;
  const state = join(temporaryFolder("away"), "state");
  const port = String(await freePort());
  let served = await ServedStoreProcess.start(state, port);
  const { env } = served;
  const run = new RunningCommand(populateWords(await archive.start(), temporaryFolder("away-mirror")), env);
  for (const behindDay of [9, 24]) {
    while (archive.requestsFor(`${addDays(firstDay, behindDay)}.zip`) === 0) await delay(10);
    const told = run.stderr.length;
    await served.stop("SIGKILL");
    while (!run.stderr.slice(told).includes("waiting for it")) {
      assert.equal(run.hasEnded, false, run.stderr);
      await delay(20);
    }
    served = await ServedStoreProcess.start(state, port);
  }
  assert.equal(await run.end(), 0, run.stderr);
  assert.equal(run.stderr.match(/the store does not answer.*\(STORE_AWAY\)/g)?.length, 2, run.stderr);
  assert.equal(run.stderr.match(/the store answers again/g)?.length, 2, run.stderr);
  assert.deepEqual(await statusOf(state, env), await statusOf(clean));
  const verified = await barkeep(["verify", "BTCUSDT@5", "--symbols", symbols, "--state", state], env);
  assert.equal(verified.code, 0, verified.stdout);
  await served.stop();
});

test("Ctrl-C while it waits for the store ends it at once with 130", async () => {
  await using archive = new ArchiveServer(folder.root);
  archive.delayMs = 100;
  const served = await ServedStoreProcess.start(join(temporaryFolder("away-interrupt"), "state"));
  const run = new RunningCommand(populateWords(await archive.start(), temporaryFolder("away-mirror")), served.env);
  while (archive.requestsFor(`${addDays(firstDay, 9)}.zip`) === 0) await delay(10);
  await served.stop("SIGKILL");
  await run.says(/waiting for it/);
  // Into a pause that is longer than what is allowed for the end.
  await delay(4_000);
  const asked = performance.now();
  assert.equal(await run.end("SIGINT"), 130, run.stderr);
  assert.ok(performance.now() - asked < 30_000);
  assert.match(run.stderr, /interrupted after the last commit/);
});

test("a store that stays away ends the run with exit 2, once it has been silent for too long", async () => {
  const served = await ServedStoreProcess.start(join(temporaryFolder("away-for-good"), "state"));
  const state = temporaryFolder("away-mirror");
  const environment = readEnvironment({ BARKEEP_SETTINGS: "off", ...served.env });
  const settings = loadSettings({ state, symbols, archive: folder.root }, environment);
  const registry = loadRegistry(symbols);
  const request = {
    symbols: ["BTCUSDT"],
    thresholds: [parseThreshold("40")],
    startAsked: firstDay,
    endAsked: undefined,
  };
  const today = addDays(firstDay, days);
  const work = await resolveWork(request, settings, registry, environment.values, today, () => undefined);
  const store = await openStore(storeSettings(settings));
  using ledger = openLedger(settings.stateDirectory);
  const lines: string[] = [];
  const listener = {
    line: (text: string) => void lines.push(text),
    progress: () => void served.child.kill("SIGKILL"),
  };
  const patience = { firstPauseMs: 50, longestPauseMs: 200, silenceMs: 600 };
  const signal = new AbortController().signal;
  try {
    await assert.rejects(
      populateWork({ store, ledger }, work, settings, today, signal, listener, patience),
      (error) =>
        error instanceof RetryableError && error.code === "STORE_AWAY" && exitCodeOf(error) === exitCodes.unavailable,
    );
  } finally {
    await store.close();
  }
  assert.equal(lines.filter((line) => line.includes("waiting for it")).length, 1, lines.join("\n"));
});
