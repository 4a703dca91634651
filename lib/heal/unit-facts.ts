import { unitId, type SeriesId } from "../model/series.ts";
import { unitsCovered, type Store } from "../store/index.ts";
import type { UnitFacts } from "./repairs.ts";

/** What readers see of the units of some series, by unit. */
export async function unitFacts(store: Store, series: readonly SeriesId[]): Promise<ReadonlyMap<string, UnitFacts>> {
  const covered = await unitsCovered(store, series);
  return new Map(covered.map((unit) => [unitId(unit.series, unit.segment), unit]));
}
