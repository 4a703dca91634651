import { z } from "zod";
import { dayOfMs, type Day } from "../model/day.ts";
import { parseSegmentId, type SegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { published } from "./schema/views.ts";
import type { Store } from "./store.ts";

/** Two parts of coverage that follow each other in id order, and not by the next id: a hole, or ids that both hold. */
export interface OutlineBreak {
  readonly dayBefore: Day;
  /** Was the archive of `dayBefore` read to its end? */
  readonly doneBefore: boolean;
  readonly dayAfter: Day;
  readonly beforeThroughId: bigint;
  readonly afterFromId: bigint;
  readonly afterThroughId: bigint;
  /** Times of the last trade before it and of the first one behind. */
  readonly beforeLastUs: bigint;
  readonly afterFirstUs: bigint;
}

/** What coverage says of a unit's published build, without its single parts. */
export interface UnitOutline {
  readonly series: SeriesId;
  readonly segment: SegmentId;
  readonly build: number;
  readonly firstDay: Day;
  readonly lastDay: Day;
  /** Was the last day's archive read to its end? */
  readonly lastDayDone: boolean;
  readonly fromId: bigint;
  readonly throughId: bigint;
  readonly firstUs: bigint;
  readonly lastUs: bigint;
  readonly days: number;
  readonly bars: number;
  readonly orphans: number;
  readonly quarantined: number;
  /** Parts whose sums are below zero: counters that overflowed. */
  readonly negativeParts: number;
  /** Sum over the bars of a hash of the attempt that wrote them, modulo 2^64. */
  readonly attemptsHash: bigint;
  readonly breaks: readonly OutlineBreak[];
}

const bigintText = z.string().transform(BigInt);
const dayNumber = z.number().transform((days) => dayOfMs(days * 86_400_000));

const outlineRow = z
  .object({
    series: z.string().transform((text) => seriesId(parseSeriesId(text))),
    segment: z.string().transform(parseSegmentId),
    build: z.number(),
    first_day: dayNumber,
    last_day: dayNumber,
    last_done: z.boolean(),
    from_id: bigintText,
    through_id: bigintText,
    first_us: bigintText,
    last_us: bigintText,
    days: z.coerce.number(),
    bars: z.coerce.number(),
    orphans: z.coerce.number(),
    quarantined: z.coerce.number(),
    negative: z.coerce.number(),
    attempts_hash: bigintText,
    breaks: z.array(
      z.tuple([dayNumber, z.boolean(), dayNumber, bigintText, bigintText, bigintText, bigintText, bigintText]),
    ),
  })
  .transform((row): UnitOutline => ({
    series: row.series,
    segment: row.segment,
    build: row.build,
    firstDay: row.first_day,
    lastDay: row.last_day,
    lastDayDone: row.last_done,
    fromId: row.from_id,
    throughId: row.through_id,
    firstUs: row.first_us,
    lastUs: row.last_us,
    days: row.days,
    bars: row.bars,
    orphans: row.orphans,
    quarantined: row.quarantined,
    negativeParts: row.negative,
    attemptsHash: row.attempts_hash,
    breaks: row.breaks.map(
      ([
        dayBefore,
        doneBefore,
        dayAfter,
        beforeThroughId,
        afterFromId,
        afterThroughId,
        beforeLastUs,
        afterFirstUs,
      ]) => ({
        dayBefore,
        doneBefore,
        dayAfter,
        beforeThroughId,
        afterFromId,
        afterThroughId,
        beforeLastUs,
        afterFirstUs,
      }),
    ),
  }));

/**
 * The arrays of so many units are held at once, several times over; and a store of years has a part for each unit, each with a buffer
 * per column. As many as the engine would take cost 70 MB more and save no time.
 */
const unitsAtOnce = 32;
const readBytes = 16_384;

/**
 * Every published unit that has coverage, in one statement that answers with a row per unit however many days there are.
 * Ordered by series and id.
 */
export async function outlineUnits(store: Store): Promise<UnitOutline[]> {
  return store.rows(
    `WITH arrayPushBack(base, (head, hi)) AS chain,
  arrayMap((link, i) -> (link.1, if(i = 1, toInt64('-9223372036854775808'), chain[i - 1].2 + 1), link.2), chain, arrayEnumerate(chain)) AS links,
  arraySort(arrayFilter(p -> arrayExists(l -> p.7 = l.1 AND (p.2 BETWEEN l.2 AND l.3 OR (p.2 = l.2 - 1 AND p.1 > p.2)), links), rows)) AS parts,
  arrayPopBack(parts) AS before, arrayPopFront(parts) AS behind
SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, build,
  parts[1].3 AS first_day, parts[-1].3 AS last_day, parts[-1].4 AS last_done,
  parts[1].1 AS from_id, arrayMax(parts.2) AS through_id, parts[1].5 AS first_us, arrayMax(parts.6) AS last_us,
  length(arrayCompact(parts.3)) AS days, arraySum(parts.8) AS bars, arraySum(parts.9) AS orphans,
  arraySum(parts.10) AS quarantined, arrayCount(parts.11) AS negative, arraySum(parts.12) AS attempts_hash,
  arrayFilter(b -> b.5 != b.4 + 1, arrayMap((b, p) -> (b.3, b.4, p.3, b.2, p.1, p.2, b.6, p.5), before, behind)) AS breaks
FROM (
  SELECT series, segment, build, max(attempt) AS head, argMax(base, attempt) AS base,
    argMax(through_id, (attempt, through_id)) AS hi,
    groupArray((from_id, through_id, toUInt16(day), day_done, first_us, last_us, attempt, bars, orphans, quarantined,
      volume < 0 OR turnover < 0, (bars + orphans) * intHash64(attempt))) AS rows
  FROM barkeep.coverage WHERE (series, segment, build) IN (${published}) GROUP BY series, segment, build
)
WHERE notEmpty(parts) ORDER BY series, from_id
SETTINGS max_threads = 1, max_block_size = ${unitsAtOnce}, max_read_buffer_size_local_fs = ${readBytes}, max_read_buffer_size = ${readBytes}`,
    outlineRow,
  );
}
