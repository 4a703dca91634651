import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { verifyStored } from "../../../lib/datasets/range/verify.ts";
import { addDays, dayStartMs, parseDay, type Day } from "../../../lib/model/day.ts";
import { Failure } from "../../../lib/model/errors.ts";
import type { Segmentation } from "../../../lib/model/segments.ts";
import type { SeriesId } from "../../../lib/model/series.ts";
import { openEmbedded, type Store } from "../../../lib/store/store.ts";
import { temporaryFolder } from "../../ops/run.ts";
import type { TradeFields } from "../../rig/make-archive.ts";
import { walkOf } from "../../rig/make-archive.ts";
import { seriesAt } from "../../store/week.ts";
import { buildDays, madeDays } from "./days.ts";

let store: Store;
let venues = 0;

before(async () => {
  store = await openEmbedded(join(temporaryFolder("scenarios"), "state"));
});
after(async () => {
  await store.close();
});

/** Builds days and expects them to be proven. */
async function built(
  threshold: number,
  segmentation: Segmentation,
  days: ReadonlyMap<Day, readonly TradeFields[]>,
): Promise<SeriesId> {
  venues += 1;
  const series = await buildDays(store, seriesAt(`s${venues}`, threshold), segmentation, madeDays(days));
  const { findings } = await verifyStored(store, series, undefined, { signal: AbortSignal.timeout(60_000) });
  assert.deepEqual(findings, []);
  return series;
}

/** A price as an archive has it. */
function price(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}000000`;
}

/** Trades of one quantity whose prices and times [µs of the day] are given; ids follow each other. */
function tradesOf(day: Day, firstId: number, ticks: readonly (readonly [us: number, cents: number])[]): TradeFields[] {
  return ticks.map(([us, cents], i) => ({
    id: firstId + i,
    price: price(cents),
    quantity: "0.01000000",
    firstId: 10 * (firstId + i),
    lastId: 10 * (firstId + i),
    // In microseconds, as the exchange's spot archives are since 2025.
    timeMs: dayStartMs(day) * 1000 + us,
    isBuyerMaker: i % 3 === 0,
  }));
}

const barRow = z.object({
  first_id: z.coerce.number(),
  last_id: z.coerce.number(),
  records: z.coerce.number(),
  high: z.string().transform(BigInt),
  low: z.string().transform(BigInt),
  open: z.string().transform(BigInt),
  duration_us: z.coerce.number(),
  volume: z.string(),
  reason: z.string(),
  segment: z.string(),
});

async function barsOf(series: SeriesId): Promise<z.output<typeof barRow>[]> {
  return store.rows(
    `SELECT first_agg_trade_id AS first_id, last_agg_trade_id AS last_id, agg_record_count AS records, high, low, open,
  duration_us, toString(volume) AS volume, CAST(orphan_reason, 'String') AS reason, segment
FROM barkeep.bars_published WHERE series = '${series}' ORDER BY first_agg_trade_id`,
    barRow,
  );
}

const flagRow = z.object({ first_id: z.coerce.number(), is_cascade: z.number() });

/** The bars that the older table's view flags. */
async function cascadesOf(series: SeriesId): Promise<number[]> {
  const [, threshold] = series.split("@");
  const rows = await store.rows(
    `SELECT first_agg_trade_id AS first_id, is_liquidation_cascade AS is_cascade FROM barkeep.range_bars
WHERE threshold_decimal_bps = ${threshold} AND first_id IN (
  SELECT first_agg_trade_id FROM barkeep.bars_published WHERE series = '${series}')`,
    flagRow,
  );
  return rows.filter(({ is_cascade: flag }) => flag === 1).map(({ first_id: id }) => id);
}

const crashDay = parseDay("2025-10-10");

test("D-17 a genuine cascade bar, more than ten thresholds high, is stored, flagged and proven", async () => {
  const calm = Array.from({ length: 50 }, (_, i) => [i * 1_000_000, 10_000_000 + (i % 2)] as const);
  // A bar closes; in the next one half of the price is gone within 2 ms: two thousand thresholds of 25 dbps.
  const fall = [
    [55_000_000, 10_005_000],
    [60_000_000, 10_000_000],
    [60_002_000, 5_000_000],
  ] as const;
  const after = Array.from({ length: 50 }, (_, i) => [70_000_000 + i * 1_000_000, 5_000_000 + (i % 2)] as const);
  const series = await built(25, "year", new Map([[crashDay, tradesOf(crashDay, 1, [...calm, ...fall, ...after])]]));
  const widest = (await barsOf(series)).find(({ high, low, open }) => (high - low) * 4_000n >= open * 10n);
  assert.equal(widest?.last_id, 53);
  assert.deepEqual(await cascadesOf(series), [widest.first_id]);
});

test("S-11 24,433 trades in one µs and bars ten thresholds high: accepted, flagged, unique keys", async () => {
  const before = Array.from({ length: 100 }, (_, i) => [i * 10_000_000, 10_000_000 + 3_000 * (i % 10)] as const);
  // All in the µs of the bar's opening trade: the gate holds it open however far the price falls, to 60 % and back to 70 %.
  const crowd = Array.from(
    { length: 24_433 },
    (_, i) => [2_000_000_000, 10_000_000 - Math.round(i < 20_000 ? i * 200 : 4_000_000 - (i - 20_000) * 200)] as const,
  );
  // The first trade of another time ends it, within the 100 ms of a cascade.
  const end = [[2_000_050_000, 7_000_000]] as const;
  const rest = Array.from(
    { length: 100 },
    (_, i) => [2_100_000_000 + i * 10_000_000, 7_000_000 + 4_000 * (i % 10)] as const,
  );
  const trades = tradesOf(crashDay, 1, [...before, ...crowd, ...end, ...rest]);
  const series = await built(100, "month", new Map([[crashDay, trades]]));
  const bars = await barsOf(series);
  const crowded = bars.filter(({ records }) => records > 20_000);
  assert.equal(crowded.length, 1);
  const [cascade] = crowded;
  assert.ok(cascade !== undefined && cascade.high - cascade.low >= cascade.open / 100n);
  assert.deepEqual(await cascadesOf(series), [cascade.first_id]);
  for (const key of ["first_id", "last_id"] as const) {
    assert.equal(new Set(bars.map((bar) => bar[key])).size, bars.length, key);
  }
  assert.equal(bars.filter(({ duration_us: us, reason }) => us === 0 && reason === "none").length, 0);
});

test("S-10 reset boundary: the orphan is stored and flagged, ids are contiguous across it", async () => {
  const saturday = parseDay("2024-08-10");
  const days = [0, 1].map((i) => addDays(saturday, i));
  const perDay = 60;
  const series = await built(
    3_000,
    "week",
    new Map(days.map((day, i) => [day, walkOf(day, 1000 + i * perDay, perDay)])),
  );
  const bars = await barsOf(series);
  const orphan = bars.find(({ reason }) => reason !== "none");
  assert.equal(orphan?.reason, "week_boundary");
  assert.equal(orphan.segment, "w2024-08-04");
  assert.equal(orphan.last_id, 1000 + perDay - 1);
  const coverageRow = z.object({ segment: z.string(), from_id: z.coerce.number(), through_id: z.coerce.number() });
  const coverage = await store.rows(
    `SELECT segment, from_id, through_id FROM barkeep.coverage_published WHERE series = '${series}' ORDER BY from_id`,
    coverageRow,
  );
  assert.deepEqual(coverage, [
    { segment: "w2024-08-04", from_id: 1000, through_id: orphan.last_id },
    { segment: "w2024-08-11", from_id: orphan.last_id + 1, through_id: 1000 + 2 * perDay - 1 },
  ]);
});

test("S-30 a bar of 1e12 tokens is exact; a single trade that 64 bits cannot hold is refused by name", async () => {
  const day = parseDay("2025-03-05");
  const ticks = Array.from({ length: 24 }, (_, i) => [i * 1_000_000, 1_000 + (i === 22 ? 100 : 0)] as const);
  const trades = tradesOf(day, 1, ticks).map((trade) => Object.assign(trade, { quantity: "50000000000.00000001" }));
  const [bar] = await barsOf(await built(100, "year", new Map([[day, trades]])));
  assert.equal(bar?.records, 23);
  // 23 × 50,000,000,000.00000001 tokens × 1e8.
  assert.equal(bar.volume, (23n * 5_000_000_000_000_000_001n).toString());

  const single = trades.map((trade) => Object.assign(trade, { quantity: "1000000000000.00000000" }));
  await assert.rejects(built(100, "year", new Map([[day, single]])), (error) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.code, "OVERFLOW");
    return true;
  });
});

test("S-31 an archive in seconds where milliseconds belong is refused by name, and nothing of it is stored", async () => {
  const day = parseDay("2024-03-05");
  const inSeconds = walkOf(day, 1, 20).map((trade) =>
    Object.assign(trade, { timeMs: Math.floor(trade.timeMs / 1000) }),
  );
  await assert.rejects(built(100, "year", new Map([[day, inSeconds]])), (error) => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.code, "TIME_OUTSIDE_DAY");
    return true;
  });
  assert.deepEqual(await barsOf(`range:s${venues}/spot/BTCUSDT@100`), []);
});
