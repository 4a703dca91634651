import { addDays, type Day } from "../model/day.ts";
import type { UpstreamDataError } from "../model/errors.ts";
import { unitId } from "../model/series.ts";
import type { BuiltDay, UnitOutline } from "../store/index.ts";
import type { Gap } from "./gap.ts";
import { priorityOf } from "./gap-rules.ts";

/**
 * Built days whose published archive is another one now: their units are stale. Days that follow each other in a unit are one gap.
 * Pure. @param built of one series, in the order of days
 */
export function revisedGaps(built: readonly BuiltDay[], digests: ReadonlyMap<Day, string>, nowMs: number): Gap[] {
  const gaps: Gap[] = [];
  for (const { series, segment, day, sha256 } of built) {
    const published = digests.get(day);
    if (published === undefined || published === sha256) continue;
    const unit = unitId(series, segment);
    const last = gaps.at(-1);
    if (last?.unit === unit && addDays(last.throughDay, 1) === day) {
      gaps[gaps.length - 1] = { ...last, throughDay: day, priority: priorityOf("revised", day, nowMs) };
      continue;
    }
    gaps.push({
      kind: "revised",
      cause: "archive-revised",
      priority: priorityOf("revised", day, nowMs),
      series,
      unit,
      fromDay: day,
      throughDay: day,
      reason: `the archive was replaced: built from SHA-256 ${sha256.slice(0, 12)}…, published is ${published.slice(0, 12)}…`,
    });
  }
  return gaps;
}

/**
 * Built days whose published digest cannot be read, so that nobody knows whether their archive was replaced. Pure.
 * @param units published ones of one series
 */
export function unreadableGaps(
  units: readonly UnitOutline[],
  unreadable: ReadonlyMap<Day, UpstreamDataError>,
  nowMs: number,
): Gap[] {
  return [...unreadable].flatMap(([day, { message }]): Gap[] => {
    const unit = units.find(({ firstDay, lastDay }) => firstDay <= day && day <= lastDay);
    if (unit === undefined) return [];
    const reason = `whether its archive was replaced is not known: ${message}`;
    const days = { fromDay: day, throughDay: day, priority: priorityOf("unknown", day, nowMs) };
    const { series, segment } = unit;
    const gap = { kind: "unknown", cause: "not-known", series, unit: unitId(series, segment) } as const;
    return [{ ...gap, ...days, reason, isOfDigest: true }];
  });
}
