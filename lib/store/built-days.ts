import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

const builtDayRow = z.object({
  series: z.string().transform((text) => seriesId(parseSeriesId(text))),
  segment: z.string().transform(parseSegmentId),
  day: z.string().transform(parseDay),
  sha256: z.string(),
});

/** A day of a published unit, and the archive that it was read from. */
export type BuiltDay = Readonly<z.output<typeof builtDayRow>>;

/** What days of some series were built from, in the order of series and days; days of which nothing is covered are absent. */
export async function builtDays(
  store: Store,
  wanted: readonly { readonly series: SeriesId; readonly days: readonly Day[] }[],
): Promise<BuiltDay[]> {
  const conditions = wanted.flatMap(({ series, days }) =>
    days.length === 0 ? [] : [`(series = ${sqlString(series)} AND day IN (${days.map(sqlString).join(", ")}))`],
  );
  if (conditions.length === 0) return [];
  return store.rows(
    `SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, toString(day) AS day, argMax(source_sha256, attempt) AS sha256
FROM barkeep.coverage_published WHERE ${conditions.join(" OR ")} GROUP BY series, segment, day ORDER BY series, day`,
    builtDayRow,
  );
}
