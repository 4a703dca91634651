import { fingerprintOf, type Finding } from "../watch/finding.ts";
import { isAboutSeries } from "./outcome.ts";

/** What could not be looked at, and by which looks. */
export interface BlindSpot {
  readonly finding: Finding;
  /** The series that were looked at; undefined for all there are. */
  readonly series: ReadonlySet<string> | undefined;
}

/**
 * What is not known behind one more look at some series: what it could not see, and what was not seen before unless it is the series' own
 * or nothing but these was looked at then. An archive that answers for one symbol says nothing of another's.
 */
export function blindSpotsAfter(
  before: readonly BlindSpot[],
  looked: ReadonlySet<string>,
  unknown: readonly Finding[],
): BlindSpot[] {
  const now = new Set(unknown.map(fingerprintOf));
  const kept = before.flatMap(({ finding, series }): BlindSpot[] => {
    if (now.has(fingerprintOf(finding))) {
      return [{ finding, series: series === undefined ? undefined : new Set([...series, ...looked]) }];
    }
    const isItsOwn = [...looked].some((one) => isAboutSeries(finding, one));
    const isAllOfIt = series !== undefined && [...series].every((one) => looked.has(one));
    return isItsOwn || isAllOfIt ? [] : [{ finding, series }];
  });
  const known = new Set(kept.map(({ finding }) => fingerprintOf(finding)));
  const added = unknown.filter((finding) => !known.has(fingerprintOf(finding)));
  return [...kept, ...added.map((finding) => ({ finding, series: looked }))];
}
