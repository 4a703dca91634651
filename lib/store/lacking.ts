import { z } from "zod";
import { UnavailableError } from "../model/errors.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, unitId, type SeriesId } from "../model/series.ts";
import { storedRows } from "./row-counts.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

const committedRow = z.object({
  series: z.string().transform((text) => seriesId(parseSeriesId(text))),
  segment: z.string().transform(parseSegmentId),
  build: z.number(),
  committed: z.coerce.number(),
});

/** A unit that the store says is built, and holds fewer bars of than were committed. */
export interface LackingUnit {
  readonly series: SeriesId;
  readonly unit: string;
  readonly committed: number;
  readonly held: number;
}

/**
 * Published units of some series under whose coverage bars are missing, by number alone: bars that were changed, or whose place
 * rows of other attempts fill up, are found by status and verify, which compare digests.
 */
export async function lackingUnits(store: Store, series: readonly SeriesId[]): Promise<LackingUnit[]> {
  if (series.length === 0) return [];
  const builds = await store.rows(
    `SELECT v.series AS series, v.segment AS segment, v.build AS build, sum(v.bars + v.orphans) AS committed
FROM barkeep.coverage_published AS v WHERE v.series IN (${series.map(sqlString).join(", ")})
GROUP BY series, segment, build ORDER BY series, segment`,
    committedRow,
  );
  const heldOf = await storedRows(store);
  return builds.flatMap(({ committed, ...key }) => {
    const held = heldOf(key);
    return held < committed ? [{ series: key.series, unit: unitId(key.series, key.segment), committed, held }] : [];
  });
}

/** Says so, and what to do. */
export function barsMissing({ unit, committed, held }: LackingUnit): UnavailableError {
  return new UnavailableError(`the store holds ${held} bars of ${unit} where ${committed} were committed`, {
    code: "BARS_MISSING",
    subject: unit,
    hint: `its series is left as it is; make the unit anew with: barkeep rebuild ${unit}, or restore the store`,
  });
}
