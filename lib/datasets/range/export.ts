import { addDays, dayStartMs, type Day } from "../../model/day.ts";
import { ConfigurationError } from "../../model/errors.ts";
import type { SeriesId } from "../../model/series.ts";
import { decodeCheckpoint } from "../../native/index.ts";
import {
  barColumns,
  decodeNativeBytes,
  digestColumns,
  readCoverage,
  sqlInteger,
  sqlString,
  unitsCovered,
  type NativeBlock,
  type Store,
} from "../../store/index.ts";
import { barWindows, windowCondition } from "./bar-windows.ts";

export const columnSets = ["base", "all"] as const;
export type ColumnSet = (typeof columnSets)[number];

/** What of a series is exported. */
export interface ExportRequest {
  readonly series: SeriesId;
  /** UTC days, inclusive, by close time. */
  readonly from: Day | undefined;
  readonly to: Day | undefined;
  readonly columns: ColumnSet;
  readonly orphans: boolean;
  /** The forming bar, last, with `complete` 0. */
  readonly incomplete: boolean;
}

/** The columns of an export besides `complete`, in order. */
export function exportColumns(request: Pick<ExportRequest, "columns" | "orphans">): readonly string[] {
  if (request.columns === "all") return barColumns;
  return request.orphans ? [...digestColumns, "is_orphan", "orphan_reason"] : digestColumns;
}

/** @throws ConfigurationError END_BEFORE_START */
export function checkExportRange({ from, to }: Pick<ExportRequest, "from" | "to">): void {
  if (from === undefined || to === undefined || from <= to) return;
  throw new ConfigurationError(`--to ${to} is before --from ${from}`, {
    code: "END_BEFORE_START",
    hint: "swap the two",
  });
}

/** One read of a series: SELECTs over windows of bounded size, and the bar that was forming at their end. */
export interface SeriesRead {
  /** Queries without a FORMAT clause, to be run in order. */
  readonly queries: readonly string[];
  /** The same rows as one query, for formats that are written in one piece. */
  readonly whole: string;
  readonly forming: NativeBlock | undefined;
}

/** Reads the coverage once, so that the bars and the forming bar belong together whatever is committed meanwhile. */
export async function readSeries(store: Store, request: ExportRequest): Promise<SeriesRead> {
  const [units, parts] = [await unitsCovered(store, [request.series]), await readCoverage(store, request.series)];
  const last = units.at(-1);
  const upTo = last === undefined ? [] : parts.filter((part) => part.throughId <= last.throughId);
  const queries = barWindows(upTo).map((window) => queryOf(request, windowCondition(window)));
  const whole = queryOf(request, `ended_by_id <= ${sqlInteger(last?.throughId ?? 0n)}`);
  const wanted = request.incomplete && last !== undefined;
  const forming = wanted ? await formingBar(last.checkpoint) : undefined;
  return { queries, whole, forming: forming !== undefined && isWithin(forming, request) ? forming : undefined };
}

function queryOf(request: ExportRequest, extent: string): string {
  const conditions = [`series = ${sqlString(request.series)}`, extent];
  if (!request.orphans) conditions.push("is_orphan = 0");
  if (request.from !== undefined) conditions.push(`close_time >= ${sqlInteger(startUs(request.from))}`);
  if (request.to !== undefined) conditions.push(`close_time < ${sqlInteger(startUs(addDays(request.to, 1)))}`);
  const columns = exportColumns(request).map((name) =>
    name === "orphan_reason" ? "CAST(orphan_reason, 'String') AS orphan_reason" : name,
  );
  return `SELECT ${columns.join(", ")}, toUInt8(1) AS complete FROM barkeep.bars_published
WHERE ${conditions.join(" AND ")} ORDER BY first_agg_trade_id`;
}

async function formingBar(checkpoint: Uint8Array): Promise<NativeBlock | undefined> {
  const { forming } = decodeCheckpoint(checkpoint);
  if (forming === undefined) return undefined;
  for await (const block of decodeNativeBytes(forming)) return block;
  return undefined;
}

function isWithin(block: NativeBlock, { from, to }: ExportRequest): boolean {
  const closeUs = BigInt(block.columns.get("close_time")?.[0] ?? 0);
  return (from === undefined || closeUs >= startUs(from)) && (to === undefined || closeUs < startUs(addDays(to, 1)));
}

function startUs(day: Day): bigint {
  return BigInt(dayStartMs(day)) * 1000n;
}
