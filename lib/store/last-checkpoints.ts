import { z } from "zod";
import { parseDay } from "../model/day.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId } from "../model/series.ts";
import type { Store } from "./store.ts";

const bigintText = z.string().transform(BigInt);

const lastRow = z
  .object({
    series: z.string().transform((text) => seriesId(parseSeriesId(text))),
    segment: z.string().transform(parseSegmentId),
    build: z.number(),
    first_day: z.string().transform(parseDay),
    day: z.string().transform(parseDay),
    through_id: bigintText,
    last_us: bigintText,
    records: bigintText,
    bars_digest: bigintText,
    checkpoint: z.string(),
    committed: z.coerce.number(),
    doubled: z.coerce.number(),
    idle_days: z.array(z.string().transform(parseDay)),
  })
  .transform((row) => ({
    series: row.series,
    segment: row.segment,
    build: row.build,
    firstDay: row.first_day,
    day: row.day,
    throughId: row.through_id,
    lastUs: row.last_us,
    records: row.records,
    barsDigest: row.bars_digest,
    checkpoint: Buffer.from(row.checkpoint, "base64"),
    /** Bars and orphans under the unit's coverage; a row of it that is there twice counts once. */
    committed: row.committed,
    /** Rows of its coverage that are there beside another of the same attempt and part. */
    doubled: row.doubled,
    /** Covered days in which no bar ended; empty unless asked for. */
    idleDays: row.idle_days,
  }));

/** The last coverage row of a published unit, with its checkpoint, and what all rows of the unit count. */
export type LastCheckpoint = Readonly<z.output<typeof lastRow>>;

/** The end of every published unit, in the order of series and ids. @param withDays days without bars too */
export async function lastCheckpoints(store: Store, withDays: boolean): Promise<LastCheckpoint[]> {
  const idle = withDays
    ? "arraySort(arrayFilter((day, bars) -> bars = 0, sumMap([toString(p.day)], [p.bars + p.orphans]).1, sumMap([toString(p.day)], [p.bars + p.orphans]).2))"
    : "CAST([], 'Array(String)')";
  return store.rows(
    `SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, build, toString(min(p.day)) AS first_day,
  argMax((p.day, p.through_id, p.last_us, p.records, p.bars_digest, p.checkpoint), (p.through_id, p.attempt, p.part)) AS end,
  toString(end.1) AS day, end.2 AS through_id, end.3 AS last_us, end.4 AS records, end.5 AS bars_digest, end.6 AS checkpoint,
  arraySum(groupUniqArray((p.attempt, p.part, p.bars + p.orphans)).3) AS committed,
  count() - uniqExact(p.attempt, p.part) AS doubled, ${idle} AS idle_days
FROM barkeep.coverage_published AS p GROUP BY series, segment, build ORDER BY series, through_id`,
    lastRow,
  );
}
