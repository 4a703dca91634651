import { effectiveStart, isKnownGap, type Registry } from "../config/index.ts";
import { addDays, daysInclusive, parseDay, type Day } from "../model/day.ts";
import { segmentationOf, segmentOf, type SegmentId } from "../model/segments.ts";
import { seriesId, unitId, type RangeSeries } from "../model/series.ts";
import type { CoveredUnit } from "../store/index.ts";

/** How far a unit is built, of what should be there by now. */
export interface UnitCoverage {
  readonly isComplete: boolean;
  readonly text: string;
}

/**
 * Holds what the store has of a unit against the registry and the calendar. Whether the archive has published the last days is
 * not asked.
 * @param today a day is published after it is over
 */
export function unitCoverage(
  series: RangeSeries,
  segment: SegmentId,
  covered: readonly CoveredUnit[],
  registry: Registry,
  today: Day,
): UnitCoverage {
  const id = unitId(seriesId(series), segment);
  const entry = registry.symbols.get(series.symbol);
  const { firstDay, lastDay } = segmentOf(firstDayOf(segment), segmentationOf(segment));
  const start = entry === undefined ? firstDay : effectiveStart(entry);
  const from = start > firstDay ? start : firstDay;
  const ends = [lastDay, addDays(today, -1), ...(entry?.delistingDate === undefined ? [] : [entry.delistingDate])];
  const to = ends.reduce((a, b) => (a < b ? a : b));
  if (to < from) return { isComplete: true, text: `${id} has no day yet that could be built.` };
  const unit = covered.find((one) => one.series === seriesId(series) && one.segment === segment);
  if (unit === undefined) return { isComplete: false, text: `Nothing of ${id} is built; it lacks ${from} … ${to}.` };
  const next = unit.dayDone ? addDays(unit.day, 1) : unit.day;
  if (next > to) return { isComplete: true, text: `${id} is built up to ${unit.day}, the last day that it can have.` };
  const lacking = daysInclusive(next, to);
  const isDeclared = lacking.every((day) => isKnownGap(entry, day));
  const text = `${id} is built up to ${unit.day}; it lacks ${next} … ${to}`;
  return isDeclared ? { isComplete: true, text: `${text}, a declared hole.` } : { isComplete: false, text: `${text}.` };
}

/** Read off the id's shape: `2024`, `2024-08` or `w2024-08-04`. */
function firstDayOf(segment: SegmentId): Day {
  if (segment.startsWith("w")) return parseDay(segment.slice(1));
  return parseDay(segment.length === 4 ? `${segment}-01-01` : `${segment}-01`);
}
