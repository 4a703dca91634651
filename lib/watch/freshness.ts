import { addDays, type Day } from "../model/day.ts";
import type { UnitOutline } from "../store/index.ts";
import type { SeriesWish } from "./wish.ts";

/** A series whose newest trade is as old as ten times its objective has died, and is not only late. */
const deadFactor = 10;

export interface Freshness {
  readonly hoursSinceLast: number;
  readonly maxStaleHours: number;
  readonly state: "fresh" | "stale" | "dead";
  /** Old, and as new as its archive, with no objective stated: told of, and no finding. */
  readonly isExcused: boolean;
}

/**
 * How old a series' newest trade is, against its own objective. A symbol that no longer trades is fresh once its last day is
 * covered. Nothing bounds how far back it looks: a series that has been dead for years is as visible as one of yesterday.
 * @param publishedThrough the last day that its archive has; undefined where nobody knows
 * @returns undefined where nothing is covered, which is a gap
 */
export function freshnessOf(
  wish: SeriesWish,
  last: UnitOutline | undefined,
  publishedThrough: Day | undefined,
  nowMs: number,
): Freshness | undefined {
  if (last === undefined) return undefined;
  const { lastDay, maxStaleHours, isObjectiveStated } = wish;
  const hoursSinceLast = (nowMs - Number(last.lastUs / 1000n)) / 3_600_000;
  const lastWhole = last.lastDayDone ? last.lastDay : addDays(last.lastDay, -1);
  const isOver = lastDay !== undefined && lastWhole >= lastDay;
  if (isOver || hoursSinceLast <= maxStaleHours) {
    return { hoursSinceLast, maxStaleHours, state: "fresh", isExcused: false };
  }
  const isAsArchive = publishedThrough !== undefined && lastWhole >= publishedThrough;
  return {
    hoursSinceLast,
    maxStaleHours,
    state: hoursSinceLast > deadFactor * maxStaleHours ? "dead" : "stale",
    isExcused: isAsArchive && !isObjectiveStated,
  };
}
