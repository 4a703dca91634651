import { daysBetween, type Day } from "../../model/day.ts";

/** Days younger than this may still be published. */
export const settledAfterDays = 7;

/**
 * What a day without an archive means:
 * `declared-hole` the registry says it is missing: go on behind it, wherever it lies;
 * `leading` before the first published day: start there; `trailing` nothing later is published: stop, not published yet;
 * `unsettled` inside and young: stop before it; `hole` inside and old: go on behind it.
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
  // First: nothing comes of waiting for a day that is declared missing, also where the request ends in it.
  if (facts.isDeclared) return "declared-hole";
  if (!facts.hasLater) return "trailing";
  if (!facts.hasEarlier) return "leading";
  return daysBetween(facts.day, facts.today) < settledAfterDays ? "unsettled" : "hole";
}
