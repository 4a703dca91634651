import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { z } from "zod";
import { loadRegistry, loadSettings, type Registry, type Settings } from "../../../lib/config/index.ts";
import { rebuildId } from "../../../lib/datasets/range/rebuild-id.ts";
import { planRebuilds, type RebuildPlan, type RebuildRequest } from "../../../lib/datasets/range/rebuild-plan.ts";
import { rebuildPlanned, type RebuildOutcome } from "../../../lib/datasets/range/rebuild-run.ts";
import { openLedger, type Ledger } from "../../../lib/ledger/index.ts";
import { addDays, parseDay, type Day } from "../../../lib/model/day.ts";
import { Failure } from "../../../lib/model/errors.ts";
import { segmentOf } from "../../../lib/model/segments.ts";
import { seriesId, unitId } from "../../../lib/model/series.ts";
import { openArchive } from "../../../lib/sources/archive/index.ts";
import { dropBuild, oldBuilds } from "../../../lib/store/gc.ts";
import { thisHolder } from "../../../lib/store/holder.ts";
import { takeLease } from "../../../lib/store/leases.ts";
import { movePointer, takePublishRight } from "../../../lib/store/publish.ts";
import { pinBuild, pinPublished } from "../../../lib/store/snapshot.ts";
import { openEmbedded, type Store } from "../../../lib/store/store.ts";
import { findLeftovers, sweep } from "../../../lib/store/sweep.ts";
import { planUndo, undoRebuild } from "../../../lib/store/undo.ts";
import { processStart } from "../../../lib/store/embedded/process-identity.ts";
import { SegmentJob } from "../../../lib/datasets/range/segment-job.ts";
import { temporaryFolder } from "../../ops/run.ts";
import { ArchiveFolder, linesOf, walkOf } from "../../rig/make-archive.ts";
import { minimalRegistryFile } from "../../rig/registry.ts";
import { readBars, seriesAt, type BarSeen } from "../../store/week.ts";

const firstDay = parseDay("2024-08-05");
const dayCount = 6;
const perDay = 40;
const segment = segmentOf(firstDay, "year");
const series = [seriesAt("binance", 10), seriesAt("binance", 40)];
const unit = unitId(seriesId(seriesAt("binance", 10)), segment.id);
const now = new Date("2024-09-01T00:00:00Z");
const never = new AbortController().signal;

let store: Store;
let ledger: Ledger;
let archive: ArchiveFolder;
let settings: Settings;
let registry: Registry;

before(async () => {
  const state = join(temporaryFolder("rebuild"), "state");
  store = await openEmbedded(state);
  ledger = openLedger(state);
  registry = loadRegistry(minimalRegistryFile());
});
after(async () => {
  ledger.close();
  await store.close();
});
beforeEach(async () => {
  for (const table of ["bars", "coverage", "pointer", "builds", "leases", "claims"]) {
    await store.command(`TRUNCATE TABLE barkeep.${table}`);
  }
  const root = temporaryFolder("rebuild-archive");
  archive = new ArchiveFolder(root);
  archive.putWalk(firstDay, dayCount, perDay);
  settings = loadSettings(
    { archive: root, state: join(root, "state") },
    { layers: [], values: {}, settingsFolder: root, settingsFile: undefined },
  );
});

/** What populate does, up to a day. */
async function build(lastDay: Day = addDays(firstDay, dayCount - 1), from = firstDay): Promise<void> {
  const source = await openArchive(settings.archive ?? "", "spot", "BTCUSDT", settings.stateDirectory);
  const job = await SegmentJob.open({
    store,
    series,
    segment,
    segmentation: "year",
    firstDay: from,
    earlier: undefined,
    committed: () => undefined,
  });
  for (let day = job.nextDay ?? from; day <= lastDay; day = addDays(day, 1)) {
    const file = await source.fetchDay(day, never);
    assert.ok(file.kind === "file");
    await job.addDay(file);
  }
  await job.finish(false);
  await job.close();
}

const asked: RebuildRequest = { targets: ["all"], reason: "test", startAsked: undefined };
const computed: RebuildRequest = { ...asked, reason: undefined };

async function plan(request: RebuildRequest): Promise<RebuildPlan> {
  return planRebuilds(store, request, settings, registry, never);
}

async function rebuild(request: RebuildRequest, lines: string[] = []): Promise<RebuildOutcome> {
  return rebuildPlanned({ store, ledger }, await plan(request), registry, now, never, (text) => lines.push(text));
}

const contents = (bars: ReadonlyMap<string, readonly BarSeen[]>): string[] =>
  [...bars].flatMap(([name, rows]) => rows.map(({ cells }) => `${name} ${cells}`));

async function seen(): Promise<string[]> {
  return contents(await readBars(store, "bars_published", series));
}

async function publishedBuilds(): Promise<number[]> {
  return (await pinPublished(store)).map((pinned) => pinned.build);
}

test("a rebuild gives the same bars from another build, once, and undo brings the first one back", async () => {
  await build();
  const before = await seen();
  const outcome = await rebuild(asked);
  assert.equal(outcome.exitCode, 0);
  assert.deepEqual(
    outcome.results.map(({ isSame, rebuild }) => [isSame, rebuild]),
    series.map((one) => [true, `${unitId(seriesId(one), segment.id)}#2`]),
  );
  assert.deepEqual(await seen(), before);
  assert.deepEqual(await publishedBuilds(), [2, 2]);
  const undo = await planUndo(store, {
    series: seriesId(series[0] ?? seriesAt("x", 1)),
    segment: segment.id,
    build: 2,
  });
  await undoRebuild(store, undo);
  assert.deepEqual(await publishedBuilds(), [1, 2]);
  assert.deepEqual(await seen(), before);
});

test("nothing to make anew where everything comes out the same", async () => {
  await build();
  const found = await plan(computed);
  assert.deepEqual([found.rebuilds.length, found.held.length, found.unchanged], [0, 0, 2]);
});

test("S-08 corrected rows with identical bounds take the old ones' place: a revised archive is a reason", async () => {
  await build();
  const before = await seen();
  const revised = walkOf(addDays(firstDay, 2), 1000 + 2 * perDay, perDay);
  revised[7] = { ...(revised[7] ?? assert.fail()), price: "61000.00000000" };
  archive.putLines(addDays(firstDay, 2), linesOf(revised));
  const found = await plan(computed);
  assert.deepEqual(
    found.rebuilds.map(({ reason }) => reason),
    series.map(() => `the archive of ${addDays(firstDay, 2)} was revised`),
  );
  const outcome = await rebuild(computed);
  assert.equal(outcome.exitCode, 0);
  assert.deepEqual(
    outcome.results.map(({ isSame }) => isSame),
    [false, false],
  );
  assert.notDeepEqual(await seen(), before);
  const revisions = (await pinPublished(store)).map(({ parts }) => parts.map((part) => part.sourceRevision));
  assert.deepEqual(revisions, [
    [1, 1, 2, 1, 1, 1],
    [1, 1, 2, 1, 1, 1],
  ]);
  assert.equal((await plan(computed)).rebuilds.length, 0);
});

test("another bar version and lost bars are reasons; what is undone is held until a person asks", async () => {
  await build();
  const before = await seen();
  await store.command("ALTER TABLE barkeep.builds UPDATE bar_version = 0 WHERE 1 SETTINGS mutations_sync = 2");
  assert.match((await plan(computed)).rebuilds[0]?.reason ?? "", /made by bar version 0/);
  assert.equal((await rebuild(computed)).exitCode, 0);
  for (const one of series) {
    await undoRebuild(store, await planUndo(store, { series: seriesId(one), segment: segment.id, build: 2 }));
  }
  const held = await plan(computed);
  assert.deepEqual([held.rebuilds.length, held.held.length], [0, 2]);
  assert.equal((await rebuild(asked)).exitCode, 0);
  assert.deepEqual(await publishedBuilds(), [3, 3]);
  await dropBuild(store, { series: seriesId(series[0] ?? seriesAt("x", 1)), segment: segment.id, build: 3 });
  assert.match((await plan(computed)).rebuilds[0]?.reason ?? "", /the store has 0 of \d+ bars/);
  assert.equal((await rebuild(computed)).exitCode, 0);
  assert.deepEqual(await seen(), before);
});

test("an earlier start is built by a rebuild, and a later one is refused", async () => {
  await build(undefined, addDays(firstDay, 2));
  const late = await seen();
  const outcome = await rebuild({ ...asked, startAsked: firstDay });
  assert.equal(outcome.exitCode, 0);
  const both = await seen();
  await store.command("TRUNCATE TABLE barkeep.pointer");
  for (const table of ["bars", "coverage", "builds"]) await store.command(`TRUNCATE TABLE barkeep.${table}`);
  await build();
  assert.deepEqual(both, await seen());
  assert.notDeepEqual(both, late);
  await assert.rejects(plan({ ...asked, startAsked: addDays(firstDay, 3) }), hasCode("START_OUTSIDE"));
});

test("an archive that lost a day is not published over one that had it", async () => {
  await build();
  const before = await seen();
  archive.remove(addDays(firstDay, 3));
  const lines: string[] = [];
  const outcome = await rebuild(asked, lines);
  assert.equal(outcome.exitCode, 1);
  assert.ok(outcome.results.every(({ rebuild, failures }) => rebuild === undefined && failures.length > 0));
  assert.ok(lines.some((line) => line.includes("REBUILD_COVERS_LESS")));
  assert.deepEqual(await seen(), before);
  assert.deepEqual(await publishedBuilds(), [1, 1]);
});

test("what is built meanwhile is in the rebuild too", async () => {
  await build(addDays(firstDay, 3));
  const found = await plan(asked);
  await build();
  const outcome = await rebuildPlanned({ store, ledger }, found, registry, now, never, () => undefined);
  assert.deepEqual(
    outcome.results.map(({ rebuild, isSame }) => [rebuild !== undefined, isSame]),
    [
      [true, true],
      [true, true],
    ],
  );
});

test("of two publishers the one with the later right wins, and an undo in between too", async () => {
  await build();
  const [key] = (await pinPublished(store)).map(({ series: of, segment: at }) => ({ series: of, segment: at }));
  assert.ok(key !== undefined);
  const move = { expected: 1, reason: "test", held: false };
  const early = await takePublishRight(store, { ...key, build: 2 });
  const late = await takePublishRight(store, { ...key, build: 3 });
  await assert.rejects(movePointer(store, early, move), hasCode("SUPERSEDED"));
  await movePointer(store, late, move);
  await assert.rejects(movePointer(store, early, { ...move, expected: 3 }), hasCode("SUPERSEDED"));
  // A publisher that does not look writes its row late: it does not show.
  await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [
    { ...key, build: 2, seq: early.seq.toString(), reason: "late" },
  ]);
  const effective = z.object({ build: z.number() });
  const [row] = await store.rows(
    `SELECT argMax(build, (seq, build)) AS build FROM barkeep.pointer WHERE series = '${key.series}'`,
    effective,
  );
  assert.equal(row?.build, 3);
});

test("gc drops what was replaced before the undo window, and nothing else", async () => {
  await build();
  const before = await seen();
  await rebuild(asked);
  assert.deepEqual(await oldBuilds(store, 1), []);
  const old = await oldBuilds(store, 0);
  assert.deepEqual(
    old.map((one) => rebuildId(one)),
    series.map((one) => `${unitId(seriesId(one), segment.id)}#1`),
  );
  const [kept, dropped] = old;
  assert.ok(kept !== undefined && dropped !== undefined);
  await using holder = await OtherProcess.start();
  await holder.lease(kept);
  assert.deepEqual(
    (await oldBuilds(store, 0)).map((one) => rebuildId(one)),
    [rebuildId(dropped)],
  );
  await dropBuild(store, dropped);
  assert.deepEqual(await seen(), before);
  await assert.rejects(
    planUndo(store, { series: dropped.series, segment: dropped.segment, build: 2 }),
    hasCode("UNDO_EXPIRED"),
  );
});

test("a sweep removes what was written and never committed, and leaves it while its writer may live", async () => {
  await build(addDays(firstDay, 1));
  const [pinned] = await pinPublished(store);
  assert.ok(pinned !== undefined);
  const lost = await takeLease(store, pinned);
  await store.command(
    `INSERT INTO barkeep.bars SELECT * REPLACE (${lost.attempt} AS attempt) FROM barkeep.bars WHERE series = '${pinned.series}' LIMIT 3`,
  );
  // Younger than the chain's newest: its writer may yet commit them.
  assert.deepEqual(await findLeftovers(store, await pinPublished(store)), []);
  await build();
  const before = await seen();
  const [left] = await findLeftovers(store, await pinPublished(store));
  assert.equal(left?.rows, 3);
  await using holder = await OtherProcess.start();
  const waiting = await holder.lease(pinned, true);
  assert.equal(await sweep(store, left), false);
  assert.equal((await findLeftovers(store, await pinPublished(store))).length, 1);
  await holder[Symbol.asyncDispose]();
  assert.ok(waiting > lost.attempt);
  assert.equal(await sweep(store, left), true);
  assert.deepEqual(await findLeftovers(store, await pinPublished(store)), []);
  assert.deepEqual(await seen(), before);
});

test("a live writer of the published build is waited for by nobody: exit 4, and the rebuild goes on later", async () => {
  await build();
  const before = await seen();
  const [pinned] = await pinPublished(store);
  assert.ok(pinned !== undefined);
  await using holder = await OtherProcess.start();
  await holder.lease(pinned);
  const outcome = await rebuild(asked);
  assert.equal(outcome.exitCode, 4);
  assert.deepEqual(await publishedBuilds(), [1, 1]);
  const begun = await pinBuild(store, pinned.series, pinned.segment, 2);
  assert.ok(begun !== undefined);
  await holder[Symbol.asyncDispose]();
  assert.equal((await rebuild({ ...asked, targets: [unit] })).exitCode, 0);
  const published = await pinBuild(store, pinned.series, pinned.segment, 2);
  assert.deepEqual(published?.links[0], begun.links[0], "the rebuild began from its start again");
  assert.deepEqual(await seen(), before);
});

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

/** A process that holds leases because the test says so. */
class OtherProcess {
  readonly #child: ReturnType<typeof spawn>;

  private constructor(child: ReturnType<typeof spawn>) {
    this.#child = child;
  }

  static async start(): Promise<OtherProcess> {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await once(child, "spawn");
    return new OtherProcess(child);
  }

  /** @param isSilent its last renewal was long ago */
  async lease(key: Parameters<typeof takeLease>[1], isSilent = false): Promise<bigint> {
    const { attempt } = await takeLease(store, key);
    const pid = this.#child.pid ?? 0;
    const holder = thisHolder();
    const start = holder.processStart.replace(processStart(process.pid) ?? "", processStart(pid) ?? "");
    const at = isSilent ? "now64(3) - INTERVAL 2 MINUTE" : "now64(3)";
    await store.command(
      `ALTER TABLE barkeep.leases UPDATE pid = ${pid}, process_start = '${start}', command = 'other' , host = '${holder.host}'
WHERE attempt = ${attempt} SETTINGS mutations_sync = 2`,
    );
    await store.command(
      `INSERT INTO barkeep.leases (series, segment, build, attempt, event, host, pid, process_start, command, at)
SELECT series, segment, build, attempt, 'renewed', host, pid, process_start, command, ${at} FROM barkeep.leases WHERE attempt = ${attempt}`,
    );
    if (isSilent) {
      await store.command(
        `ALTER TABLE barkeep.leases DELETE WHERE attempt = ${attempt} AND event = 'taken' SETTINGS mutations_sync = 2`,
      );
    }
    return attempt;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}
