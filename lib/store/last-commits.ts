import { z } from "zod";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

const bigintText = z.string().transform(BigInt);

const lastCommit = z
  .object({
    series: z.string().transform((text) => seriesId(parseSeriesId(text))),
    segment: z.string().transform(parseSegmentId),
    through_id: bigintText,
    last_us: bigintText,
    records: bigintText,
    bars_digest: bigintText,
    checkpoint: z.string(),
  })
  .transform((row) => ({
    series: row.series,
    segment: row.segment,
    throughId: row.through_id,
    lastUs: row.last_us,
    records: row.records,
    barsDigest: row.bars_digest,
    /** Empty where it carries none. */
    checkpoint: Buffer.from(row.checkpoint, "base64"),
  }));

/** The coverage row that a unit ends with, and the checkpoint that the next attempt would go on from. */
export type LastCommit = Readonly<z.output<typeof lastCommit>>;

/** The last coverage row of every published unit, in one statement. @param series of this one alone */
export async function lastCommits(store: Store, series?: SeriesId): Promise<LastCommit[]> {
  const order = "(p.through_id, p.attempt, p.part)";
  const ends = `SELECT series, segment,
  argMax((p.through_id, p.last_us, p.records, p.bars_digest, p.checkpoint), ${order}) AS end
FROM barkeep.coverage_published AS p${series === undefined ? "" : ` WHERE series = ${sqlString(series)}`} GROUP BY series, segment`;
  return store.rows(
    `SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, toString(end.1) AS through_id,
  toString(end.2) AS last_us, toString(end.3) AS records, toString(end.4) AS bars_digest, end.5 AS checkpoint
FROM (${ends}) ORDER BY series, segment SETTINGS max_threads = 1, max_block_size = 8192, max_read_buffer_size_local_fs = 16384, max_read_buffer_size = 16384`,
    lastCommit,
  );
}
