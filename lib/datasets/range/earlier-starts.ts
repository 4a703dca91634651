import type { Day } from "../../model/day.ts";
import { segmentOf, type Segmentation } from "../../model/segments.ts";
import type { CoveredUnit } from "../../store/index.ts";

/** A unit that was begun later than the days now asked for begin. */
export interface EarlierStart {
  readonly unit: CoveredUnit;
  /** The first day of the unit's segment that was asked for. */
  readonly from: Day;
}

/**
 * Units whose first build began at a later day than is asked for now. A segment's bars depend on where it begins, so the
 * days in front cannot be added to it.
 */
export function earlierStarts(from: Day, segmentation: Segmentation, covered: readonly CoveredUnit[]): EarlierStart[] {
  return covered.flatMap((unit) => {
    const { firstDay } = segmentOf(unit.firstDay, segmentation);
    const wanted = firstDay > from ? firstDay : from;
    return wanted < unit.firstDay ? [{ unit, from: wanted }] : [];
  });
}
