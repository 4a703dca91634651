import { daysBetween, type Day } from "../../model/day.ts";

/** Days younger than this may still be published. */
export const settledAfterDays = 7;

/**
 * What a day without an archive means:
 * `leading` before the first published day: start there; `trailing` nothing later is published: stop, not published yet;
 * `unsettled` inside and young: stop before it; `hole` inside and old, or declared: go on behind it.
 */
export type MissingDay = "leading" | "trailing" | "unsettled" | "hole" | "declared-hole";

export interface MissingDayFacts {
  readonly day: Day;
  readonly today: Day;
  /** Is an earlier day of the series present, here or in the store? */
  readonly hasEarlier: boolean;
  /** Is a later day of those asked for published? */
  readonly hasLater: boolean;
  /** Does the registry declare the day as missing? */
  readonly isDeclared: boolean;
}

export function judgeMissingDay(facts: MissingDayFacts): MissingDay {
  if (!facts.hasLater) return "trailing";
  if (!facts.hasEarlier) return "leading";
  if (facts.isDeclared) return "declared-hole";
  return daysBetween(facts.day, facts.today) < settledAfterDays ? "unsettled" : "hole";
}
