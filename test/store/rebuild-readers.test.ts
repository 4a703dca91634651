import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { parseDay } from "../../lib/model/day.ts";
import { RetryableError } from "../../lib/model/errors.ts";
import { pinnedBars, pinPublished } from "../../lib/store/snapshot.ts";
import { openStore, type Store } from "../../lib/store/store.ts";
import { barColumns } from "../../lib/store/columns.generated.ts";
import { barkeep, temporaryFolder } from "../ops/run.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { ServedStoreProcess } from "../rig/serve.ts";

const rebuildsWanted = 50;
const seriesCount = 2;

const seenRow = z.object({
  series: z.string(),
  builds: z.coerce.number(),
  bars: z.coerce.number(),
  keys: z.coerce.number(),
  cells: z.string(),
});

const columns = `count() AS bars, uniqExact(first_agg_trade_id) AS keys, toString(sum(sipHash64(${barColumns.join(", ")}))) AS cells`;

/** What one reader sees of all series, through the view that anybody may use. */
async function throughView(store: Store): Promise<z.output<typeof seenRow>[]> {
  return store.rows(
    `SELECT CAST(series, 'String') AS series, uniqExact(build) AS builds, ${columns} FROM barkeep.bars_published GROUP BY series ORDER BY series`,
    seenRow,
  );
}

/** The same as our own readers do it: one look at the coverage, then bars. */
async function throughPins(store: Store): Promise<z.output<typeof seenRow>[]> {
  const seen: z.output<typeof seenRow>[] = [];
  for (const pinned of await pinPublished(store)) {
    seen.push(
      ...(await store.rows(
        `SELECT '${pinned.series}' AS series, uniqExact(build) AS builds, ${columns} FROM ${pinnedBars(pinned)}`,
        seenRow,
      )),
    );
  }
  return seen;
}

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function storeOf({ url, user, password }: ServedStoreProcess): Promise<Store> {
  return openStore({ stateDirectory: "unused", url, user, password });
}

test("readers through fifty rebuilds, with kills of the engine and the worker in between, always see the same bars", async (t) => {
  const folder = temporaryFolder("readers");
  const state = join(folder, "state");
  const symbols = minimalRegistryFile();
  new ArchiveFolder(join(folder, "archive")).putWalk(parseDay("2024-08-05"), 5, 200);
  const words = ["--archive", join(folder, "archive"), "--symbols", symbols, "--state", state];
  const built = await barkeep([
    "populate",
    ...words,
    "--symbol",
    "BTCUSDT",
    "--threshold",
    "10",
    "--threshold",
    "40",
    "--start-date",
    "2024-08-05",
    "--end-date",
    "2024-08-09",
  ]);
  assert.equal(built.code, 0, built.stderr);

  let served = await ServedStoreProcess.start(state);
  let reader = await storeOf(served);
  const expected = await throughView(reader);
  assert.equal(expected.length, seriesCount);
  assert.deepEqual(await throughPins(reader), expected);

  const done = { rebuilds: 0, reads: 0, kills: 0, restarts: 0 };
  // How much a worker gets done between two looks is the machine's affair.
  const isEnough = (): boolean =>
    done.rebuilds >= rebuildsWanted && done.reads > rebuildsWanted && done.restarts > 0 && done.kills > done.restarts;
  let worker: ChildProcess | undefined;
  const startWorker = (): ChildProcess => {
    const script = join(import.meta.dirname, "rebuild-loop.ts");
    const child = spawn(process.execPath, [script, join(folder, "archive"), symbols, state, "1000"], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...served.env },
    });
    createInterface({ input: child.stdout }).on("line", () => (done.rebuilds += 1));
    return child;
  };
  try {
    while (!isEnough()) {
      assert.ok(worker === undefined || worker.exitCode === null || worker.exitCode === 0, "a rebuild failed");
      if (worker === undefined || isOver(worker)) worker = startWorker();
      // At some moment of the one after these.
      const enough = done.rebuilds + 3 + Math.floor(Math.random() * 6);
      while (done.rebuilds < enough && !isOver(worker)) {
        try {
          assert.deepEqual(await throughView(reader), expected);
          assert.deepEqual(await throughPins(reader), expected);
          done.reads += 2;
        } catch (error) {
          if (!(error instanceof RetryableError)) throw error;
        }
      }
      await delay(Math.random() * 200);
      if (done.kills % 3 === 2) {
        await served.stop("SIGKILL");
        await reader.close();
        if (!isOver(worker)) await once(worker, "exit");
        served = await ServedStoreProcess.start(state);
        reader = await storeOf(served);
        done.restarts += 1;
      } else {
        worker.kill("SIGKILL");
        if (!isOver(worker)) await once(worker, "exit");
      }
      done.kills += 1;
    }
    assert.deepEqual(await throughView(reader), expected);
    t.diagnostic(JSON.stringify(done));
  } finally {
    worker?.kill("SIGKILL");
    await reader.close();
    await served.stop();
  }
});
