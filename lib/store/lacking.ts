import { z } from "zod";
import { UnavailableError } from "../model/errors.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, unitId, type SeriesId } from "../model/series.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

const lackingRow = z
  .object({
    series: z.string().transform((text) => seriesId(parseSeriesId(text))),
    segment: z.string().transform(parseSegmentId),
    committed: z.string().transform(BigInt),
    held: z.string().transform(BigInt),
  })
  .transform(({ series, segment, committed, held }) => ({ series, unit: unitId(series, segment), committed, held }));

/** A unit that the store says is built, and holds fewer bars of than were committed. */
export type LackingUnit = Readonly<z.output<typeof lackingRow>>;

/**
 * Published units of some series under whose coverage bars are missing. Counted from the partitions' own records, without
 * reading a bar: a thousand units take milliseconds. It finds bars that are gone, and not bars that were changed, or whose
 * place rows of other attempts fill up; status and verify compare digests.
 */
export async function lackingUnits(store: Store, series: readonly SeriesId[]): Promise<LackingUnit[]> {
  if (series.length === 0) return [];
  const named = series.map(sqlString).join(", ");
  return store.rows(
    `SELECT c.series AS series, c.segment AS segment, toString(c.committed) AS committed, toString(b.held) AS held
FROM (
  SELECT v.series AS series, v.segment AS segment, v.build AS build, sum(v.bars + v.orphans) AS committed
  FROM barkeep.coverage_published AS v WHERE v.series IN (${named}) GROUP BY series, segment, build
) AS c
LEFT JOIN (
  SELECT series, segment, build, count() AS held FROM barkeep.bars WHERE series IN (${named}) GROUP BY series, segment, build
) AS b ON c.series = b.series AND c.segment = b.segment AND c.build = b.build
WHERE b.held < c.committed ORDER BY series, segment`,
    lackingRow,
  );
}

/** Says so, and what to do. */
export function barsMissing({ unit, committed, held }: LackingUnit): UnavailableError {
  return new UnavailableError(`the store holds ${held} bars of ${unit} where ${committed} were committed`, {
    code: "BARS_MISSING",
    subject: unit,
    hint: `its series is left as it is; restore the store, or make the unit anew with: barkeep rebuild ${unit} --reason "bars missing"`,
  });
}
