import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

const bigintText = z.string().transform(BigInt);
const seriesText = z.string().transform((text) => seriesId(parseSeriesId(text)));
const segmentText = z.string().transform(parseSegmentId);

const coveredRow = z
  .object({
    series: seriesText,
    segment: segmentText,
    build: z.number(),
    first_day: z.string().transform(parseDay),
    day: z.string().transform(parseDay),
    day_done: z.boolean(),
    through_id: bigintText,
    checkpoint: z.string(),
  })
  .transform((row) => ({
    series: row.series,
    segment: row.segment,
    build: row.build,
    firstDay: row.first_day,
    day: row.day,
    dayDone: row.day_done,
    throughId: row.through_id,
    checkpoint: Buffer.from(row.checkpoint, "base64"),
  }));

/** Where a unit's published coverage ends. `firstDay` is the first day its build was asked for. */
export type CoveredUnit = Readonly<z.output<typeof coveredRow>>;

/** The ends of all units of some series, oldest segment first; units without coverage are absent. */
export async function unitsCovered(store: Store, series: readonly SeriesId[]): Promise<CoveredUnit[]> {
  if (series.length === 0) return [];
  const named = series.map(sqlString).join(", ");
  const order = "(p.through_id, p.attempt, p.part)";
  const last = `SELECT series, segment, build, argMax(p.day, ${order}) AS day, argMax(p.day_done, ${order}) AS day_done,
  argMax(p.checkpoint, ${order}) AS checkpoint, max(p.through_id) AS through_id
FROM barkeep.coverage_published AS p WHERE series IN (${named}) GROUP BY series, segment, build`;
  return store.rows(
    `SELECT l.series AS series, l.segment AS segment, l.build AS build, b.first_day AS first_day, l.day AS day,
  l.day_done AS day_done, l.through_id AS through_id, l.checkpoint AS checkpoint
FROM (${last}) AS l
INNER JOIN (SELECT series, segment, build, min(first_day) AS first_day FROM barkeep.builds GROUP BY series, segment, build) AS b
  ON l.series = b.series AND l.segment = b.segment AND l.build = b.build
ORDER BY series, through_id`,
    coveredRow,
  );
}

const partRow = z
  .object({
    series: seriesText,
    segment: segmentText,
    day: z.string().transform(parseDay),
    day_done: z.boolean(),
    from_id: bigintText,
    through_id: bigintText,
    last_us: bigintText,
    bars: bigintText,
    bars_digest: bigintText,
    source_name: z.string(),
    source_sha256: z.string(),
  })
  .transform((row) => ({
    series: row.series,
    segment: row.segment,
    day: row.day,
    dayDone: row.day_done,
    fromId: row.from_id,
    throughId: row.through_id,
    lastUs: row.last_us,
    bars: row.bars,
    barsDigest: row.bars_digest,
    sourceName: row.source_name,
    sourceSha256: row.source_sha256,
  }));

/** A published coverage row. */
export type CoveragePart = Readonly<z.output<typeof partRow>>;

/** All published coverage of a series, or of all series, in id order. */
export async function readCoverage(store: Store, series?: SeriesId): Promise<CoveragePart[]> {
  const where = series === undefined ? "" : `WHERE series = ${sqlString(series)}`;
  return store.rows(
    `SELECT series, segment, day, day_done, from_id, through_id, last_us, bars, bars_digest, source_name, source_sha256
FROM barkeep.coverage_published ${where} ORDER BY series, from_id, through_id`,
    partRow,
  );
}

/** The ids between two parts that neither holds; `from` after `through` marks an overlap. */
export interface IdHole {
  readonly fromId: bigint;
  readonly throughId: bigint;
  readonly dayBefore: Day;
  readonly dayAfter: Day;
}

/** Where a series' parts do not follow each other. @param parts of one series, in id order */
export function holesOf(parts: readonly CoveragePart[]): IdHole[] {
  return parts.flatMap((part, i) => {
    const before = parts[i - 1];
    if (before === undefined || part.fromId === before.throughId + 1n) return [];
    return [{ fromId: before.throughId + 1n, throughId: part.fromId - 1n, dayBefore: before.day, dayAfter: part.day }];
  });
}

/** Every series that has coverage, by name. */
export async function listSeries(store: Store): Promise<SeriesId[]> {
  const rows = await store.rows(
    "SELECT DISTINCT CAST(series, 'String') AS name FROM barkeep.coverage ORDER BY name",
    seriesRow,
  );
  return rows.map((row) => row.name);
}

const seriesRow = z.object({ name: seriesText });
