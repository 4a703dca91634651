import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import type { CoverageRow } from "./snapshot.ts";
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
    ids_lacking: bigintText,
    checkpoint: z.string(),
    committed: z.coerce.number(),
  })
  .transform((row) => ({
    series: row.series,
    segment: row.segment,
    build: row.build,
    firstDay: row.first_day,
    day: row.day,
    dayDone: row.day_done,
    throughId: row.through_id,
    idsLacking: row.ids_lacking,
    checkpoint: Buffer.from(row.checkpoint, "base64"),
    committed: row.committed,
  }));

/**
 * Where a unit's published coverage ends. `firstDay` is the first day its build was asked for, `committed` how many bars lie
 * under the coverage, orphans among them, and `idsLacking` how many ids between its first and its last one the coverage does not
 * hold; less than zero where it holds some twice.
 */
export type CoveredUnit = Readonly<z.output<typeof coveredRow>>;

/**
 * The ends of all units of some series, in one look, oldest segment first; units without coverage are absent. A thousand units
 * take hardly longer than one: ask for all at once.
 */
export async function unitsCovered(store: Store, series: readonly SeriesId[]): Promise<CoveredUnit[]> {
  if (series.length === 0) return [];
  const named = series.map(sqlString).join(", ");
  const order = "(p.through_id, p.attempt, p.part)";
  const last = `SELECT series, segment, build, argMax((p.day, p.day_done, p.checkpoint), ${order}) AS end,
  max(p.through_id) AS through_id, max(p.through_id) - min(p.from_id) + 1 - sum(p.through_id - p.from_id + 1) AS ids_lacking,
  sum(p.bars + p.orphans) AS committed
FROM barkeep.coverage_published AS p WHERE series IN (${named}) GROUP BY series, segment, build`;
  return store.rows(
    `SELECT l.series AS series, l.segment AS segment, l.build AS build, b.first_day AS first_day, l.end.1 AS day,
  l.end.2 AS day_done, l.through_id AS through_id, l.ids_lacking AS ids_lacking, l.end.3 AS checkpoint, l.committed AS committed
FROM (${last}) AS l
INNER JOIN (SELECT series, segment, build, min(first_day) AS first_day FROM barkeep.builds GROUP BY series, segment, build) AS b
  ON l.series = b.series AND l.segment = b.segment AND l.build = b.build
ORDER BY series, through_id`,
    coveredRow,
  );
}

type UnitBuild = Pick<CoveredUnit, "series" | "segment" | "build">;

const committedRow = z.object({
  series: seriesText,
  segment: segmentText,
  build: z.number(),
  committed: z.coerce.number(),
});

/** How many bars lie under the coverage of some units, a row of it that is there twice counted once. */
export async function committedOnce(store: Store, units: readonly UnitBuild[]): Promise<(unit: UnitBuild) => number> {
  const named = [...new Set(units.map(({ series }) => series))].map(sqlString).join(", ");
  const once = `SELECT DISTINCT series, segment, build, from_id, through_id, attempt, part, bars + orphans AS committed
FROM barkeep.coverage_published WHERE series IN (${named})`;
  const sql = `SELECT series, segment, build, sum(committed) AS committed FROM (${once}) GROUP BY series, segment, build`;
  const rows = units.length === 0 ? [] : await store.rows(sql, committedRow);
  const nameOf = ({ series, segment, build }: UnitBuild): string => `${series} ${segment} ${build}`;
  const byUnit = new Map(rows.map((row) => [nameOf(row), row.committed]));
  return (unit) => byUnit.get(nameOf(unit)) ?? 0;
}

/** The ids between two parts that neither holds; `from` after `through` marks an overlap. */
export interface IdHole {
  readonly fromId: bigint;
  readonly throughId: bigint;
  readonly dayBefore: Day;
  readonly dayAfter: Day;
}

/** Where a series' parts do not follow each other. @param parts of one series, in id order */
export function holesOf(parts: readonly Pick<CoverageRow, "fromId" | "throughId" | "day">[]): IdHole[] {
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
