import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { SegmentJob } from "../../lib/datasets/range/segment-job.ts";
import { addDays, daysInclusive, parseDay, type Day } from "../../lib/model/day.ts";
import { segmentOf } from "../../lib/model/segments.ts";
import { parseThreshold, seriesId, type RangeSeries } from "../../lib/model/series.ts";
import type { DayFile } from "../../lib/sources/archive/types.ts";
import { barColumns } from "../../lib/store/columns.generated.ts";
import type { Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ArchiveFolder, linesOf, walkOf, type TradeFields } from "../rig/make-archive.ts";

/** A week of a few trades a day, with everything that makes takeovers hard. */
export const week = segmentOf(parseDay("2024-08-07"), "week");
export const weekDays = daysInclusive(week.firstDay, week.lastDay);
const perDay = 24;

/** Ids that are missing in front of a day's trade: at the day's start, and in the middle of one. */
const holeBefore: ReadonlyMap<string, number> = new Map([
  [`${weekDays[2]}/0`, 7],
  [`${weekDays[3]}/11`, 1],
  [`${weekDays[5]}/0`, 3],
  [`${weekDays[6]}/20`, 2],
]);
/** Rows that are no trades: at the end of a day in front of a hole, and with none behind. */
const ghosts: ReadonlySet<string> = new Set([`${weekDays[4]}/22`, `${weekDays[4]}/23`, `${weekDays[0]}/23`]);

export interface WeekTrade extends TradeFields {
  readonly isGhost: boolean;
}

function tradesOfWeek(): Map<Day, WeekTrade[]> {
  let shift = 0;
  return new Map(
    weekDays.map((day, i) => [
      day,
      walkOf(day, 1000 + i * perDay, perDay).map((trade, row): WeekTrade => {
        const key = `${day}/${row}`;
        shift += holeBefore.get(key) ?? 0;
        const id = trade.id + shift;
        const isGhost = ghosts.has(key);
        return Object.assign(trade, { id, price: isGhost ? "0.00000000" : trade.price, isGhost });
      }),
    ]),
  );
}

export const weekTrades = tradesOfWeek();
const trades = [...weekTrades.values()].flat();

/** The first trade behind a hole, for each. */
export const idsBehindHoles = trades.flatMap((trade, i) => {
  const before = trades[i - 1];
  return before !== undefined && trade.id !== before.id + 1 ? [BigInt(trade.id)] : [];
});
export const weekFirstId = BigInt(trades[0]?.id ?? 0);

/** The week's archives on disk. */
export function weekFiles(): Map<Day, DayFile> {
  const archive = new ArchiveFolder(temporaryFolder("week"));
  return new Map(
    Array.from(weekTrades, ([day, of]) => {
      archive.putLines(day, linesOf(of));
      const path = archive.pathOf(day);
      const content = readFileSync(path);
      const sha256 = createHash("sha256").update(content).digest("hex");
      return [day, { kind: "file", day, path, name: basename(path), sha256, bytes: content.length }];
    }),
  );
}

/** The series of one run: runs differ by venue, which is in the key and in nothing else. */
export function seriesOf(venue: string, ...thresholds: readonly number[]): RangeSeries[] {
  return thresholds.map((one) => seriesAt(venue, one));
}

/** One of them. */
export function seriesAt(venue: string, threshold: number): RangeSeries {
  return { venue, market: "spot", symbol: "BTCUSDT", threshold: parseThreshold(threshold) };
}

export async function openWeek(store: Store, series: readonly RangeSeries[]): Promise<SegmentJob> {
  return SegmentJob.open({
    store,
    series,
    segment: week,
    segmentation: "week",
    firstDay: week.firstDay,
    earlier: undefined,
    committed: () => undefined,
  });
}

/** What a program does that builds the week: it goes on where the chain ends and commits now and then. */
export async function buildWeek(
  store: Store,
  files: ReadonlyMap<Day, DayFile>,
  series: readonly RangeSeries[],
  daysPerCommit: number,
  lastDay = week.lastDay,
): Promise<void> {
  const job = await openWeek(store, series);
  const next = job.units
    .map(({ resume }) => {
      if (resume === undefined) return week.firstDay;
      return resume.dayDone ? addDays(resume.day, 1) : resume.day;
    })
    .reduce((a, b) => (a < b ? a : b));
  for (const [i, day] of daysInclusive(next, lastDay).entries()) {
    const file = files.get(day);
    if (file === undefined) throw new Error(`no archive of ${day}`);
    await job.addDay(file);
    if ((i + 1) % daysPerCommit === 0) await job.finish(false);
  }
  await job.finish(false);
  await job.close();
}

const barRow = z.object({
  series: z.string(),
  attempt: z.string().transform(BigInt),
  last_id: z.string().transform(BigInt),
  reason: z.string(),
  /** A hash of every column. */
  cells: z.string(),
});
export type BarSeen = Readonly<z.output<typeof barRow>>;

/** Bars in id order, by series. @param from a table or view, or what follows FROM with conditions */
export async function readBars(
  store: Store,
  from: string,
  series: readonly RangeSeries[],
): Promise<Map<string, BarSeen[]>> {
  const names = series.map((one) => `'${seriesId(one)}'`);
  const source = from.includes(" ") ? `(SELECT * FROM ${from})` : `barkeep.${from}`;
  const rows = await store.rows(
    `SELECT CAST(series, 'String') AS series, attempt, last_agg_trade_id AS last_id,
  CAST(orphan_reason, 'String') AS reason, toString(sipHash64(${barColumns.join(", ")})) AS cells
FROM ${source} WHERE series IN (${names.join(", ")}) ORDER BY series, first_agg_trade_id, attempt`,
    barRow,
  );
  return new Map(names.map((name) => [name.slice(1, -1), rows.filter((row) => `'${row.series}'` === name)]));
}

const coverageRow = z.object({
  series: z.string(),
  attempt: z.string().transform(BigInt),
  part: z.number(),
  day: z.string(),
  day_done: z.boolean(),
  from_id: z.string().transform(BigInt),
  through_id: z.string().transform(BigInt),
  bars_digest: z.string(),
  base: z.array(z.object({ attempt: z.string().transform(BigInt), through_id: z.string().transform(BigInt) })),
});
export type CoverageSeen = Readonly<z.output<typeof coverageRow>>;

/** Coverage rows in id order, by series. */
export async function readParts(
  store: Store,
  from: "coverage" | "coverage_published",
  series: readonly RangeSeries[],
): Promise<Map<string, CoverageSeen[]>> {
  const names = series.map((one) => `'${seriesId(one)}'`);
  const rows = await store.rows(
    `SELECT CAST(series, 'String') AS series, attempt, part, day, day_done, from_id, through_id, bars_digest, base
FROM barkeep.${from} WHERE series IN (${names.join(", ")}) ORDER BY series, from_id, attempt`,
    coverageRow,
  );
  return new Map(names.map((name) => [name.slice(1, -1), rows.filter((row) => `'${row.series}'` === name)]));
}
