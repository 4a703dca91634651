import { hostname } from "node:os";
import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import { release } from "../model/release.ts";
import { parseSegmentId, type SegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, unitId, type SeriesId } from "../model/series.ts";
import { sqlInteger, sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

/** What readers see of a unit, in figures; all 0 where nothing is published. */
export interface UnitState {
  readonly build: number;
  /** Aggregate trades, by its coverage. */
  readonly records: bigint;
  /** Completed bars that the store really has. */
  readonly bars: bigint;
  readonly throughId: bigint;
  /** Over these bars, as `status` computes it; the same for the same bars. */
  readonly digest: bigint;
}

/** One gap that a repair was begun for, and what became of it. */
export interface LoggedRepair {
  readonly series: SeriesId;
  readonly segment: SegmentId;
  readonly gapKind: string;
  readonly priority: string;
  readonly fromDay: Day;
  readonly throughDay: Day;
  readonly fromId: bigint | undefined;
  readonly throughId: bigint | undefined;
  /** The proof that it was a gap. */
  readonly reason: string;
  readonly action: string;
  readonly result: string;
  /** The last failure's, empty where there was none. */
  readonly code: string;
  readonly message: string;
  /** Which of the tries that its limit counts it was, from 1. */
  readonly tryNumber: number;
  readonly before: UnitState;
  readonly after: UnitState;
  readonly startedMs: number;
  readonly endedMs: number;
}

/** Adds rows to the repair log. */
export async function logRepairs(store: Store, repairs: readonly LoggedRepair[]): Promise<void> {
  if (repairs.length === 0) return;
  await store.insertRows(
    `barkeep.repairs (${columns.join(", ")})`,
    repairs.map(({ before, after, ...one }) => ({
      series: one.series,
      segment: one.segment,
      gap_kind: one.gapKind,
      priority: one.priority,
      from_day: one.fromDay,
      through_day: one.throughDay,
      from_id: one.fromId?.toString() ?? null,
      through_id: one.throughId?.toString() ?? null,
      reason: one.reason,
      action: one.action,
      result: one.result,
      code: one.code,
      message: one.message,
      try_number: one.tryNumber,
      build_before: before.build,
      build_after: after.build,
      records_before: before.records.toString(),
      records_after: after.records.toString(),
      bars_before: before.bars.toString(),
      bars_after: after.bars.toString(),
      through_id_before: before.throughId.toString(),
      through_id_after: after.throughId.toString(),
      digest_before: before.digest.toString(),
      digest_after: after.digest.toString(),
      host: hostname(),
      pid: process.pid,
      release,
      started_at: instant(one.startedMs),
      ended_at: instant(one.endedMs),
    })),
  );
}

const bigintText = z.string().transform(BigInt);
const day = z.string().transform(parseDay);

const row = z.object({
  series: z.string().transform((text) => seriesId(parseSeriesId(text))),
  segment: z.string().transform(parseSegmentId),
  gap_kind: z.string(),
  priority: z.string(),
  from_day: day,
  through_day: day,
  from_id: bigintText.nullable(),
  through_id: bigintText.nullable(),
  reason: z.string(),
  action: z.string(),
  result: z.string(),
  code: z.string(),
  message: z.string(),
  try_number: z.number(),
  build_before: z.number(),
  build_after: z.number(),
  records_before: bigintText,
  records_after: bigintText,
  bars_before: bigintText,
  bars_after: bigintText,
  through_id_before: bigintText,
  through_id_after: bigintText,
  digest_before: bigintText,
  digest_after: bigintText,
  host: z.string(),
  pid: z.number(),
  release: z.string(),
  started_at: z.string(),
  ended_at: z.string(),
});
const columns = Object.keys(row.shape);

/** A row of the repair log as it is kept, with its unit's id; times are UTC text. */
export type RepairRow = Readonly<z.output<typeof row>> & { readonly unit: string };

/** The newest rows of the repair log, oldest of them first. @param series only of this one */
export async function readRepairs(store: Store, limit: number, series?: SeriesId): Promise<RepairRow[]> {
  const where = series === undefined ? "" : `WHERE series = ${sqlString(series)}`;
  const newest = await store.rows(
    `SELECT ${columns.join(", ")} FROM barkeep.repairs ${where} ORDER BY started_at DESC, series DESC, segment DESC, gap_kind DESC, from_day DESC
LIMIT ${sqlInteger(limit)}`,
    row,
  );
  return newest.toReversed().map((one) => Object.assign(one, { unit: unitId(one.series, one.segment) }));
}

/** As ClickHouse reads a DateTime64(3, 'UTC'). */
function instant(ms: number): string {
  return new Date(ms).toISOString().replace("T", " ").replace("Z", "");
}
