import { currentFingerprint } from "../datasets/range/fingerprint.ts";
import { parseSegmentId, segmentationOf, type SegmentId } from "../model/segments.ts";
import { parseSeriesId, unitId, type SeriesId } from "../model/series.ts";
import { buildsOf, heldUnits, isSameFingerprint, pinBuild, pointerHistory, type Store } from "../store/index.ts";
import type { LeftReason } from "./agenda.ts";
import type { Repair } from "./repairs.ts";

/** Why a gap's repair is not begun. */
export interface Obstacle {
  readonly reason: LeftReason;
  readonly text: string;
  /** What a person types about it. */
  readonly fix?: string;
}

/**
 * Units of a repair that are not to be touched, and why: what a person has undone is not done again unasked. Days are put behind a
 * unit that is held, where this program goes on with its build.
 */
export async function obstaclesTo(
  { action, series, segment }: Pick<Repair, "action" | "series" | "segment">,
  store: Store,
): Promise<ReadonlyMap<string, Obstacle>> {
  const found = new Map<string, Obstacle>();
  const isHeld = await heldUnits(store);
  for (const one of series) {
    if (!isHeld(one, segment) || (action === "populate" && (await goesOn(one, segment, store)))) continue;
    const unit = unitId(one, segment);
    const fix = (await isCovered(one, segment, store)) ? rebuildByHand(unit) : populateOf(one, segment);
    found.set(unit, { reason: "held", text: `an undo holds it: ${fix}`, fix });
  }
  return found;
}

/** Would this program make the bars that follow those of the published build? */
async function goesOn(series: SeriesId, segment: SegmentId, store: Store): Promise<boolean> {
  const [published] = await pointerHistory(store, series, segment);
  const record = (await buildsOf(store, series)).find(
    (one) => one.segment === segment && one.build === published?.build,
  );
  return record !== undefined && isSameFingerprint(record, currentFingerprint(segmentationOf(segment)));
}

/** Is there anything that could be made anew? */
async function isCovered(series: SeriesId, segment: SegmentId, store: Store): Promise<boolean> {
  const [published] = await pointerHistory(store, series, segment);
  return published !== undefined && (await pinBuild(store, series, segment, published.build)) !== undefined;
}

/** Whether an undo holds a unit of some series. @returns by the unit's id */
export async function heldAmong(series: readonly SeriesId[], store: Store): Promise<(unit: string) => boolean> {
  const isHeld = await heldUnits(store);
  return (unit) => {
    const of = series.find((one) => unit.startsWith(unitId(one, "")));
    return of !== undefined && isHeld(of, parseSegmentId(unit.slice(unitId(of, "").length)));
  };
}

/** What a person types to make a unit anew that no heal makes anew: an undo holds it, or its checkpoint is damaged. */
export function rebuildByHand(unit: string): string {
  return `barkeep rebuild ${unit} --reason TEXT`;
}

/** What a person types to build what is not there of a series. @param segment where it may reset otherwise than the settings say */
export function populateOf(series: string, segment?: SegmentId): string {
  const { market, symbol, threshold } = parseSeriesId(series);
  const place = market === "spot" ? "" : ` --market ${market}`;
  const resets = segment === undefined ? "year" : segmentationOf(segment);
  const reset = resets === "year" ? "" : ` --segment ${resets}`;
  return `barkeep populate --symbol ${symbol} --threshold ${threshold}${place}${reset}`;
}
