import { settledAfterDays } from "../sources/archive/index.ts";
import { daysBetween, type Day } from "../model/day.ts";

/** An archive that does not exist, and that nobody waits for or asks about until the acceptance ends. */
export interface AcceptedAbsence {
  readonly fromDay: Day;
  readonly throughDay: Day;
  readonly reason: string;
  /** Who accepted it, as `user@host`. */
  readonly by: string;
  /** After it the absence is a finding again; undefined for good. */
  readonly expiresMs: number | undefined;
}

/** A day of which nothing is published. */
export interface AbsentDay {
  /** When a look first found it so, with none since that did not. */
  readonly sinceMs: number;
  /** When it was asked for last. */
  readonly askedMs: number;
}

/** What is known of one symbol's archive. */
export interface ArchiveFacts {
  /** The first and the last published day; undefined where nobody has been able to look, or nothing is published. */
  readonly extent: { readonly firstDay: Day; readonly lastDay: Day } | undefined;
  /** When that was asked last; undefined where never. */
  readonly lookedMs: number | undefined;
  /** Single days between those two that were asked about. */
  readonly asked: ReadonlyMap<Day, "present" | "absent">;
  /** Those that were absent when they were asked for last, by this look or an earlier one. */
  readonly absences: ReadonlyMap<Day, AbsentDay>;
  readonly accepted: readonly AcceptedAbsence[];
}

export const nothingKnown: ArchiveFacts = {
  extent: undefined,
  lookedMs: undefined,
  asked: new Map(),
  absences: new Map(),
  accepted: [],
};

/**
 * The condition of a day: its archive is there; it may still come; it does not exist and should (evidence: later days are there, and
 * it is older than a week), or somebody has accepted that; or nobody could look. That it was revised is known only of days that were built.
 */
export type DayCondition = "available" | "not-yet" | "missing-upstream" | "accepted" | "unknown";

/** @param today by the clock, UTC */
export function conditionOf(facts: ArchiveFacts, day: Day, nowMs: number, today: Day): DayCondition {
  const { extent, asked, accepted } = facts;
  const isKnownAbsent = asked.get(day) === "absent" || (extent !== undefined && day > extent.lastDay);
  if (!isKnownAbsent) return extent === undefined && !asked.has(day) ? "unknown" : "available";
  const isAccepted = accepted.some(
    (one) => one.fromDay <= day && day <= one.throughDay && (one.expiresMs === undefined || one.expiresMs > nowMs),
  );
  if (isAccepted) return "accepted";
  return daysBetween(day, today) < settledAfterDays ? "not-yet" : "missing-upstream";
}
