import { z } from "zod";
import { chunks } from "../model/chunks.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId } from "../model/series.ts";
import { sqlInteger, sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import type { BuildKey } from "./unit-key.ts";

const bigintText = z.string().transform(BigInt);
const seriesText = z.string().transform((text) => seriesId(parseSeriesId(text)));
const segmentText = z.string().transform(parseSegmentId);

const pairRow = z
  .object({
    series: seriesText,
    before_segment: segmentText,
    segment: segmentText,
    before_close_us: bigintText,
    close_us: bigintText,
    before_close: bigintText,
    open: bigintText,
    before_last_id: bigintText,
    first_id: bigintText,
  })
  .transform((row) => ({
    series: row.series,
    beforeSegment: row.before_segment,
    segment: row.segment,
    beforeCloseUs: row.before_close_us,
    closeUs: row.close_us,
    /** Prices × 1e8. */
    beforeClose: row.before_close,
    open: row.open,
    beforeLastId: row.before_last_id,
    firstId: row.first_id,
  }));

/** Two bars that follow each other. */
export type BarPair = Readonly<z.output<typeof pairRow>>;

/** What makes two bars worth listing; either is enough. */
export interface PairLimits {
  /** From close to close. */
  readonly spanUs: bigint;
  /** Between the close of one and the open of the next, of the first one's close; undefined where prices are not asked for. */
  readonly jumpDbps: number | undefined;
}

/** More pairs than this are not listed: those whose ids do not follow each other first, then the latest. */
export const pairsMost = 10_000;
/** Builds that one statement names: of each it has 60 bytes, and of 256 KiB it may be. */
export const buildsMost = 3_000;

/**
 * Bars that follow each other late, or at another price.
 * @param isProven the rows of these builds are known to be exactly the visible bars, which need not be found out again
 * @param builds at most {@link buildsMost}, with a few million bars: they are put in order in memory
 */
export async function pairsOfBars(
  store: Store,
  builds: readonly BuildKey[],
  isProven: boolean,
  limits: PairLimits,
): Promise<BarPair[]> {
  if (builds.length === 0) return [];
  const { spanUs, jumpDbps } = limits;
  const tuples = builds.map((key) => `(${sqlString(key.series)}, ${sqlString(key.segment)}, ${sqlInteger(key.build)})`);
  const jump =
    jumpDbps === undefined
      ? ""
      : ` OR abs(toInt128(open) - before_close) * 100000000 >= toInt128(${Math.round(jumpDbps * 1000)}) * before_close`;
  return store.rows(
    `SELECT CAST(series, 'String') AS series, CAST(before_segment, 'String') AS before_segment, CAST(segment, 'String') AS segment,
  before_close_us, close_us, before_close, open, before_last_id, first_id
FROM (
  SELECT series, segment, first_agg_trade_id AS first_id, close_time AS close_us, open,
    lagInFrame(segment) OVER w AS before_segment, lagInFrame(last_agg_trade_id) OVER w AS before_last_id,
    lagInFrame(close_time) OVER w AS before_close_us, lagInFrame(close) OVER w AS before_close
  FROM barkeep.${isProven ? "bars" : "bars_published"} WHERE (series, segment, build) IN (${tuples.join(", ")})
  WINDOW w AS (PARTITION BY series ORDER BY first_agg_trade_id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
) WHERE before_segment != '' AND (close_us - before_close_us >= ${spanUs}${jump})
ORDER BY first_id != before_last_id + 1 DESC, close_us - before_close_us DESC, series, first_id LIMIT ${pairsMost}`,
    pairRow,
  );
}

const longRow = z
  .object({
    series: seriesText,
    segment: segmentText,
    close_us: bigintText,
    duration_us: bigintText,
    open: bigintText,
    high: bigintText,
    low: bigintText,
    close: bigintText,
    first_id: bigintText,
    last_id: bigintText,
    records: bigintText,
  })
  .transform((row) => ({
    series: row.series,
    segment: row.segment,
    closeUs: row.close_us,
    durationUs: row.duration_us,
    /** Prices × 1e8. */
    open: row.open,
    high: row.high,
    low: row.low,
    close: row.close,
    firstId: row.first_id,
    lastId: row.last_id,
    /** Trades that it was made of. */
    records: row.records,
  }));

/** A bar that took long. */
export type LongBar = Readonly<z.output<typeof longRow>>;

/**
 * The longest bars above a limit: those first that lack ids, then the longest.
 * @param most so many at most
 */
export async function longBars(
  store: Store,
  builds: readonly BuildKey[],
  limitUs: bigint,
  most: number,
): Promise<LongBar[]> {
  const found: LongBar[] = [];
  for (const some of chunks(builds, buildsMost)) found.push(...(await longBarsOf(store, some, limitUs, most)));
  return found.toSorted(byLack).slice(0, most);
}

/** As the statement below has them in order. */
function byLack(a: LongBar, b: LongBar): number {
  return Number(lacksIds(b)) - Number(lacksIds(a)) || Number(b.durationUs - a.durationUs);
}

function lacksIds({ firstId, lastId, records }: LongBar): boolean {
  return lastId - firstId + 1n !== records;
}

async function longBarsOf(
  store: Store,
  builds: readonly BuildKey[],
  limitUs: bigint,
  most: number,
): Promise<LongBar[]> {
  const tuples = builds.map((key) => `(${sqlString(key.series)}, ${sqlString(key.segment)}, ${sqlInteger(key.build)})`);
  return store.rows(
    `SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, close_time AS close_us, duration_us, open, high, low, close,
  first_agg_trade_id AS first_id, last_agg_trade_id AS last_id, agg_record_count AS records
FROM barkeep.bars_published WHERE (series, segment, build) IN (${tuples.join(", ")}) AND duration_us > ${sqlInteger(limitUs)}
ORDER BY last_id - first_id + 1 != records DESC, duration_us DESC, series, first_id LIMIT ${sqlInteger(most)}`,
    longRow,
  );
}
