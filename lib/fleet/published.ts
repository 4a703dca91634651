import type { PopulatePlan } from "../datasets/range/plan.ts";
import { parseDay } from "../model/day.ts";
import { segmentsBetween } from "../model/segments.ts";
import { seriesId, unitId } from "../model/series.ts";

/**
 * Units of segments that end before anything is published: no job can do anything about them. A unit that was begun is never among them.
 * @param note told where a symbol starts instead
 */
export async function unpublishedUnits(
  { symbols }: Pick<PopulatePlan, "symbols">,
  note: (line: string) => void,
): Promise<ReadonlySet<string>> {
  const unpublished = new Set<string>();
  for (const { work, units } of symbols) {
    const { source, range, series, segmentation } = work;
    const [from] = units.map((unit) => unit.from).sort();
    if (from === undefined) continue;
    const first = await source.firstPublished(parseDay(from), range.to);
    if (first === from) continue;
    note(`${series[0]?.symbol}: nothing is published from ${from} on until ${first ?? "after that"}`);
    for (const { id, firstDay, lastDay } of segmentsBetween(range.from, range.to, segmentation)) {
      if (first !== undefined && lastDay >= first) break;
      const asked = firstDay > range.from ? firstDay : range.from;
      const ids = new Set(series.map((one) => unitId(seriesId(one), id)));
      for (const unit of units) if (ids.has(unit.unit) && unit.from === asked) unpublished.add(unit.unit);
    }
  }
  return unpublished;
}
