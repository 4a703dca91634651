import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as fc from "fast-check";
import { z } from "zod";
import { Failure } from "../../lib/model/errors.ts";
import type { Day } from "../../lib/model/day.ts";
import { seriesId, type RangeSeries } from "../../lib/model/series.ts";
import type { DayFile } from "../../lib/sources/archive/types.ts";
import type { Clients } from "../../lib/store/clients.ts";
import { fixedRoute } from "../../lib/store/route.ts";
import { auditSegment } from "../../lib/datasets/range/audit/index.ts";
import { pinnedCondition, pinPublished, type PinnedSegment } from "../../lib/store/snapshot.ts";
import { openEmbedded, type Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";
import { GatedStore } from "./gated-store.ts";
import {
  buildWeek,
  idsBehindHoles,
  openWeek,
  readBars,
  readParts,
  seriesOf,
  week,
  weekDays,
  weekFiles,
  weekFirstId,
  type BarSeen,
  type CoverageSeen,
} from "./week.ts";

const thresholds = [10, 40];
let store: Store;
let clients: Clients;
let files: ReadonlyMap<Day, DayFile>;
/** Bars of a clean run, by threshold. */
const clean = new Map<number, readonly BarSeen[]>();
let venues = 0;

before(async () => {
  store = await openEmbedded(join(temporaryFolder("chain"), "state"));
  clients = await GatedStore.clientsOf(store);
  files = weekFiles();
  const series = seriesOf("clean", ...thresholds);
  await buildWeek(store, files, series, 99);
  const bars = await readBars(store, "bars", series);
  for (const one of series) clean.set(one.threshold, bars.get(seriesId(one)) ?? []);
});
after(async () => {
  await Promise.all([clients.writer.close(), clients.reader.close()]);
  await store.close();
});

/** Series nobody has written to, whose first build is on record: what follows is about attempts, not about builds. */
async function freshSeries(): Promise<RangeSeries[]> {
  venues += 1;
  for (const table of ["bars", "coverage", "pointer", "builds"]) await store.command(`TRUNCATE TABLE barkeep.${table}`);
  const series = seriesOf(`v${venues}`, ...thresholds);
  await openWeek(store, series);
  return series;
}

/** The rule as the architecture states it: the greatest attempt that has coverage, behind the base that it named. */
function chainOf(rows: readonly CoverageSeen[]): { attempt: bigint; from: bigint; through: bigint }[] {
  const head = rows.reduce<CoverageSeen | undefined>(
    (best, row) => (best === undefined || row.attempt > best.attempt ? row : best),
    undefined,
  );
  if (head === undefined) return [];
  const top = rows
    .filter(({ attempt }) => attempt === head.attempt)
    .reduce((max, row) => bigMax(max, row.through_id), 0n);
  const links = [...head.base, { attempt: head.attempt, through_id: top }];
  return links.map((link, i) => ({
    attempt: link.attempt,
    from: (links[i - 1]?.through_id ?? -1n) + 1n,
    through: link.through_id,
  }));
}

function bigMax(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** What a reader may see when ids up to `through` are committed: of a clean run's bars those that have ended by then. */
function expectedBars(threshold: number, through: bigint, isEnded: boolean): BarSeen[] {
  return (clean.get(threshold) ?? []).filter(({ last_id, reason }) => {
    if (reason === "none") return last_id <= through;
    if (reason !== "id_gap") return isEnded;
    // Ended by the trade behind the hole.
    const next = idsBehindHoles.find((id) => id > last_id);
    return next !== undefined && next <= through;
  });
}

const idRow = z.object({ name: z.string(), id: z.string() });
const contents = (bars: readonly BarSeen[]): string[] =>
  bars.map(({ last_id, reason, cells }) => `${last_id} ${reason} ${cells}`);

/** Compares what the views show, and what a pinned read finds, with the model, for each series. */
async function checkViews(series: readonly RangeSeries[], context: string): Promise<void> {
  const [raw, shown, bars, pins] = [
    await readParts(store, "coverage", series),
    await readParts(store, "coverage_published", series),
    await readBars(store, "bars_published", series),
    new Map((await pinPublished(store)).map((pinned) => [pinned.series, pinned])),
  ];
  for (const one of series) {
    const name = seriesId(one);
    const chain = chainOf(raw.get(name) ?? []);
    const where = `${context}: ${name}`;
    const parts = (raw.get(name) ?? []).filter((row) =>
      chain.some(
        ({ attempt, from, through }) => row.attempt === attempt && row.through_id >= from && row.through_id <= through,
      ),
    );
    assert.deepEqual(shown.get(name), parts, `${where}: coverage`);
    assertTiles(parts, where);
    const through = chain.at(-1)?.through ?? 0n;
    const isEnded = parts.at(-1)?.day === week.lastDay && parts.at(-1)?.day_done === true;
    const expected = expectedBars(one.threshold, through, isEnded);
    assert.deepEqual(contents(bars.get(name) ?? []), contents(expected), `${where}: bars up to ${through}`);
    assert.deepEqual(
      (pins.get(name)?.parts ?? []).map((part) => [part.attempt, part.part, part.fromId, part.throughId]),
      parts.map((part) => [part.attempt, part.part, part.from_id, part.through_id]),
      `${where}: pinned coverage`,
    );
  }
  await checkPinned([...pins.values()], series, bars, context);
}

/** Pinned reads are what the views show at that moment, and what was committed so far can be proven. */
async function checkPinned(
  pins: readonly PinnedSegment[],
  series: readonly RangeSeries[],
  shown: ReadonlyMap<string, readonly BarSeen[]>,
  context: string,
): Promise<void> {
  if (pins.length === 0) return;
  const held = pins.map((pinned) => `(${pinnedCondition(pinned)})`).join(" OR ");
  const read = await readBars(store, `barkeep.bars WHERE ${held}`, series);
  assert.deepEqual(read, shown, `${context}: pinned bars`);
  pinnedChecks += 1;
  if (pinnedChecks % auditEvery !== 0) return;
  for (const pinned of pins) await checkProven(pinned, context);
}

/** An audit asks the store more than all else here: not at each step. */
const auditEvery = 7;
let pinnedChecks = 0;

const never = new AbortController().signal;

async function checkProven(pinned: PinnedSegment, where: string): Promise<void> {
  assert.deepEqual(await auditSegment(store, pinned, { signal: never }), [], where);
}

/** No hole but those of the archive, no overlap. */
function assertTiles(parts: readonly CoverageSeen[], where: string): void {
  for (const [i, part] of parts.entries()) {
    const before = parts[i - 1];
    if (before === undefined) assert.equal(part.from_id, weekFirstId, where);
    else if (part.from_id !== before.through_id + 1n) {
      assert.ok(part.from_id > before.through_id, `${where}: ${part.from_id} overlaps`);
      assert.ok(idsBehindHoles.includes(part.from_id), `${where}: a hole in front of ${part.from_id}`);
    }
    assert.ok(part.through_id >= part.from_id, where);
  }
}

/** The end of every story: somebody goes on alone, and the store holds what a clean run makes. */
async function checkEnds(series: readonly RangeSeries[], context: string): Promise<void> {
  await buildWeek(store, files, series, 7);
  await checkViews(series, `${context}, at the end`);
  const bars = await readBars(store, "bars_published", series);
  for (const one of series) {
    assert.deepEqual(contents(bars.get(seriesId(one)) ?? []), contents(clean.get(one.threshold) ?? []), context);
  }
  for (const pinned of await pinPublished(store)) await checkProven(pinned, `${context}, at the end`);
  const [older, ours] = [
    "SELECT toString(threshold_decimal_bps) AS name, first_agg_trade_id AS id FROM barkeep.range_bars ORDER BY ALL",
    `SELECT splitByChar('@', CAST(series, 'String'))[2] AS name, first_agg_trade_id AS id FROM barkeep.bars_published
WHERE is_orphan = 0 ORDER BY ALL`,
  ].map(async (sql) => store.rows(sql, idRow));
  assert.deepEqual(await older, await ours, context);
}

test("the week is one that makes takeovers hard", () => {
  assert.deepEqual(idsBehindHoles.length, 4);
  for (const threshold of thresholds) {
    const bars = clean.get(threshold) ?? [];
    const reasons = bars.map(({ reason }) => reason);
    assert.ok(reasons.includes("id_gap") && reasons.includes("none"), `${threshold}: ${reasons.join(" ")}`);
  }
  assert.ok((clean.get(40) ?? []).some(({ reason }) => reason === "week_boundary"));
});

/** A program that builds the week while a test decides when it may go on. */
class Writer {
  readonly store: GatedStore;
  readonly ended: Promise<void>;
  hasEnded = false;
  failure: unknown;

  constructor(store: GatedStore, series: readonly RangeSeries[], daysPerCommit: number, isCareless: boolean) {
    this.store = store;
    store.isCareless = isCareless;
    this.ended = buildWeek(store, files, series, daysPerCommit)
      .catch((error: unknown) => {
        this.failure = error;
      })
      .finally(() => {
        this.hasEnded = true;
      });
  }

  static async start(series: readonly RangeSeries[], daysPerCommit: number, isCareless = false): Promise<Writer> {
    const writer = new Writer(new GatedStore(store.where, fixedRoute(clients)), series, daysPerCommit, isCareless);
    await writer.store.step(writer.ended);
    return writer;
  }

  /** What it did; undefined when it has ended. */
  async step(): Promise<string | undefined> {
    const done = this.store.next;
    await this.store.step(this.ended);
    // Superseded is the one way in which a writer may fail here.
    if (this.failure !== undefined) {
      if (!(this.failure instanceof Failure)) throw new Error("a writer failed", { cause: this.failure });
      assert.equal(this.failure.code, "SUPERSEDED");
    }
    return done;
  }

  /** The same over whatever it only looks at. */
  async stepFar(): Promise<string | undefined> {
    let done = await this.step();
    while (done === "rows" && !this.hasEnded) done = await this.step();
    return done;
  }

  /** Goes on until it is about to do something. */
  async until(what: string): Promise<void> {
    while (!this.hasEnded && this.store.next !== what) await this.step();
    assert.equal(this.store.next, what);
  }

  async toTheEnd(): Promise<void> {
    while (!this.hasEnded) await this.step();
  }
}

const bars = "insert barkeep.bars";
const coverage = "insert barkeep.coverage";

test("a commit shows with its coverage row and not before", async () => {
  const series = await freshSeries();
  const writer = await Writer.start(series, 2);
  for (let commit = 0; commit < 3; commit += 1) {
    await writer.until(bars);
    await checkViews(series, `commit ${commit}, no block`);
    await writer.until(coverage);
    await checkViews(series, `commit ${commit}, blocks only`);
    await writer.step();
    await checkViews(series, `commit ${commit}, done`);
  }
  await checkEnds(series, "one writer, left behind");
});

test("a second attempt goes on from the first's last commit; what the first adds later does not exist", async () => {
  const series = await freshSeries();
  const first = await Writer.start(series, 1, true);
  await first.until(coverage);
  await first.step();
  await first.until(coverage);
  const second = await Writer.start(series, 2);
  await second.until(coverage);
  const before = await readParts(store, "coverage_published", series);
  await second.step();
  const both = await readParts(store, "coverage_published", series);
  for (const [name, rows] of both) {
    const [old] = before.get(name) ?? [];
    assert.ok(old !== undefined && rows.length > 1);
    const last = rows.at(-1);
    assert.ok(last !== undefined && last.attempt > old.attempt);
    assert.deepEqual(last.base, [{ attempt: old.attempt, through_id: old.through_id }]);
  }
  await checkViews(series, "taken over");
  await first.step();
  await checkViews(series, "a late coverage row of the first");
  assert.deepEqual(await readParts(store, "coverage_published", series), both);
  await first.toTheEnd();
  await checkViews(series, "the first has written all the rest of the week");
  assert.deepEqual(await readParts(store, "coverage_published", series), both);
  await second.toTheEnd();
  await checkEnds(series, "both done");
});

test("the superseded one that looks says so and ends", async () => {
  const series = await freshSeries();
  const first = await Writer.start(series, 1);
  await first.until(coverage);
  await first.step();
  const second = await Writer.start(series, 1);
  await second.until(coverage);
  await second.step();
  await first.toTheEnd();
  assert.ok(first.failure instanceof Failure && first.failure.code === "SUPERSEDED");
  await second.toTheEnd();
  assert.equal(second.failure, undefined);
  await checkEnds(series, "second done");
});

/** One that is killed between block and coverage row of its commit behind a day. */
async function killedBehind(days: number, begin: (series: readonly RangeSeries[]) => Promise<Writer>): Promise<void> {
  const series = await freshSeries();
  const writer = await begin(series);
  await writer.until(coverage);
  await checkViews(series, "a block without coverage");
  await checkEnds(series, `killed behind day ${days}`);
}

/** One that has committed some days by itself, each in a commit of its own. */
async function nextBehind(days: number, series: readonly RangeSeries[]): Promise<Writer> {
  const writer = await Writer.start(series, 1);
  for (let commit = 0; commit < days; commit += 1) {
    await writer.until(coverage);
    await writer.step();
  }
  return writer;
}

for (let days = 1; days < weekDays.length; days += 1) {
  test(`killed between block and coverage row behind day ${days}: it does not show, and is made again`, async () => {
    await killedBehind(days, async (series) => {
      await buildWeek(store, files, series, 1, weekDays[days - 1]);
      return Writer.start(series, 1);
    });
  });

  test(`the same where the attempt had committed up to day ${days} itself`, async () => {
    await killedBehind(days, async (series) => nextBehind(days, series));
  });
}

const step = fc.record({
  slot: fc.nat({ max: 3 }),
  /** Mostly goes on; seldom dies where it stands and another one begins. */
  dies: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  /** Runs to the next insert rather than to the next look. */
  far: fc.boolean(),
  daysPerCommit: fc.integer({ min: 1, max: 3 }),
  isCareless: fc.boolean(),
});

test("up to four writers that die and wake at any step: no bar twice, no hole, no bar of nobody's", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 45, size: "max" }), async (steps) => {
      const series = await freshSeries();
      const slots: (Writer | undefined)[] = [undefined, undefined, undefined, undefined];
      for (const { slot, dies, far, daysPerCommit, isCareless } of steps) {
        const writer = slots[slot];
        if (writer === undefined || dies || writer.hasEnded) {
          slots[slot] = await Writer.start(series, daysPerCommit, isCareless);
          continue;
        }
        const done = far ? await writer.stepFar() : await writer.step();
        if (done?.startsWith("insert") === true) await checkViews(series, done);
      }
      // Whoever still stands somewhere goes on to its end: its rows come late.
      for (const writer of slots) await writer?.toTheEnd();
      await checkViews(series, "all ended");
      await checkEnds(series, "after all");
    }),
    { numRuns: 30, endOnFailure: true },
  );
});
