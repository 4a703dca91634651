import { z } from "zod";
import { addDays, dayStartMs, type Day } from "../../model/day.ts";
import { ConfigurationError, UnavailableError } from "../../model/errors.ts";
import { unitId, type SeriesId } from "../../model/series.ts";
import { decodeCheckpoint } from "../../native/index.ts";
import {
  barColumns,
  digestColumns,
  pinnedBars,
  pinnedCondition,
  pinPublished,
  sqlInteger,
  type NativeBlock,
  type PinnedSegment,
  type Store,
} from "../../store/index.ts";
import { barWindows } from "./bar-windows.ts";
import { formingBar } from "./forming.ts";

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
  /** The builds that the queries read. */
  readonly segments: readonly PinnedSegment[];
}

/**
 * Looks at the coverage once: the queries read one build of each segment, up to where it was then, and the forming bar
 * belongs to them, whatever is committed or published meanwhile.
 */
export async function readSeries(store: Store, request: ExportRequest): Promise<SeriesRead> {
  const all = await pinPublished(store, request.series);
  const segments = all.filter((pinned) => isTouched(pinned, request));
  const queries = segments.flatMap((pinned) => barWindows(pinned).map(({ from }) => queryOf(request, from)));
  const conditions = segments.map((pinned) => `(${pinnedCondition(pinned)})`);
  const whole = queryOf(request, `barkeep.bars WHERE (${conditions.length === 0 ? "false" : conditions.join(" OR ")})`);
  const checkpoint = request.incomplete ? all.at(-1)?.parts.at(-1)?.checkpoint : undefined;
  const forming =
    checkpoint === undefined ? undefined : await formingBar(decodeCheckpoint(Buffer.from(checkpoint, "base64")));
  return {
    queries,
    whole,
    forming: forming !== undefined && isWithin(forming, request) ? forming : undefined,
    segments,
  };
}

const countedRow = z.object({ bars: z.string().transform(BigInt) });

/**
 * To be asked when all queries have been read: were the bars there to the end? A build that was superseded may have been
 * removed meanwhile, and a store may have lost rows; either looks like a series that is shorter.
 * @throws UnavailableError BARS_GONE
 */
export async function refuseIfGone(store: Store, { segments }: SeriesRead): Promise<void> {
  for (const pinned of segments) {
    const counted = pinned.parts.reduce((sum, part) => sum + part.bars, 0n);
    const sql = `SELECT count() AS bars FROM ${pinnedBars(pinned)} AND is_orphan = 0`;
    const [found] = await store.rows(sql, countedRow);
    if (found?.bars === counted) continue;
    const unit = unitId(pinned.series, pinned.segment);
    throw new UnavailableError(`of ${unit} the store holds ${found?.bars ?? 0n} bars, its coverage counts ${counted}`, {
      code: "BARS_GONE",
      subject: unit,
      hint: "what was written is not the whole; run the command again, and barkeep verify if it says the same",
    });
  }
}

/** Has the segment trades between the days asked for? */
function isTouched({ parts }: PinnedSegment, { from, to }: ExportRequest): boolean {
  const [firstUs, lastUs] = [parts[0].firstUs, (parts.at(-1) ?? parts[0]).lastUs];
  return (from === undefined || lastUs >= startUs(from)) && (to === undefined || firstUs < startUs(addDays(to, 1)));
}

/** @param bars what follows FROM */
function queryOf(request: ExportRequest, bars: string): string {
  const conditions: string[] = [];
  if (!request.orphans) conditions.push("is_orphan = 0");
  if (request.from !== undefined) conditions.push(`close_time >= ${sqlInteger(startUs(request.from))}`);
  if (request.to !== undefined) conditions.push(`close_time < ${sqlInteger(startUs(addDays(request.to, 1)))}`);
  const columns = exportColumns(request).map((name) =>
    name === "orphan_reason" ? "CAST(orphan_reason, 'String') AS orphan_reason" : name,
  );
  return `SELECT ${columns.join(", ")}, toUInt8(1) AS complete FROM ${[bars, ...conditions].join(" AND ")}
ORDER BY first_agg_trade_id`;
}

function isWithin(block: NativeBlock, { from, to }: ExportRequest): boolean {
  const closeUs = BigInt(block.columns.get("close_time")?.[0] ?? 0);
  return (from === undefined || closeUs >= startUs(from)) && (to === undefined || closeUs < startUs(addDays(to, 1)));
}

function startUs(day: Day): bigint {
  return BigInt(dayStartMs(day)) * 1000n;
}
