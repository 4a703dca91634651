import { UnavailableError } from "../model/errors.ts";
import { unitId, type SeriesId } from "../model/series.ts";
import { committedOnce, type CoveredUnit } from "./coverage.ts";
import { storedRows } from "./row-counts.ts";
import type { Store } from "./store.ts";

/** A unit that the store says is built, and holds fewer bars of than were committed. */
export interface LackingUnit {
  readonly series: SeriesId;
  readonly unit: string;
  readonly committed: number;
  readonly held: number;
}

/**
 * Published units under whose coverage bars are missing, by number alone: bars that were changed, or whose place rows of other
 * attempts fill up, are found by status and verify, which compare digests.
 * @param covered what was found before the bars are counted: they are there before their coverage is
 */
export async function lackingUnits(store: Store, covered: readonly CoveredUnit[]): Promise<LackingUnit[]> {
  if (covered.length === 0) return [];
  const heldOf = await storedRows(store);
  const fewer = covered.filter((unit) => heldOf(unit) < unit.committed);
  // Coverage that is there twice is a trouble of its own, and says nothing of the bars.
  const committedOf = await committedOnce(store, fewer);
  return fewer.flatMap((unit) => {
    const { series, segment } = unit;
    const [held, committed] = [heldOf(unit), committedOf(unit)];
    return held < committed ? [{ series, unit: unitId(series, segment), committed, held }] : [];
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
