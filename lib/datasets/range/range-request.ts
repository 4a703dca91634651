import { addDays, type Day } from "../../model/day.ts";
import { ConfigurationError } from "../../model/errors.ts";

/** What bounds the days of one symbol, each already known or absent. */
export interface RangeBounds {
  readonly symbol: string;
  /** Asked for with `--start-date`. */
  readonly startAsked?: Day | undefined;
  /** Asked for with `--end-date`. */
  readonly endAsked?: Day | undefined;
  /** The registry's first usable day. */
  readonly effectiveStart: Day;
  /** The registry's last day, for a symbol that no longer trades. */
  readonly delistingDate?: Day | undefined;
  /** The last day the archive has published; asked for only where no end is given. */
  readonly lastPublished?: Day | undefined;
  readonly today: Day;
}

export interface DayRange {
  readonly from: Day;
  readonly to: Day;
  /** What was changed and why, one line each, for the operator. */
  readonly notes: readonly string[];
}

/**
 * The days to keep for a symbol: from the start asked for or the registry's, to the end asked for or the last published
 * day, clamped to what can exist.
 * @throws ConfigurationError END_BEFORE_START
 */
export function resolveDayRange(bounds: RangeBounds): DayRange {
  const notes: string[] = [];
  const { symbol, startAsked, endAsked, effectiveStart, delistingDate, today } = bounds;
  if (startAsked !== undefined && endAsked !== undefined && endAsked < startAsked) {
    throw new ConfigurationError(`--end-date ${endAsked} is before --start-date ${startAsked}`, {
      code: "END_BEFORE_START",
      subject: symbol,
      hint: "swap the two dates",
    });
  }
  let from = startAsked ?? effectiveStart;
  if (from < effectiveStart) {
    notes.push(`${symbol}: starts at ${effectiveStart}, the registry's effective start, instead of ${from}`);
    from = effectiveStart;
  }
  const yesterday = addDays(today, -1);
  let to = endAsked ?? bounds.lastPublished ?? yesterday;
  if (to > yesterday) {
    notes.push(`${symbol}: ends at ${yesterday} instead of ${to}; a day is published after it is over`);
    to = yesterday;
  }
  if (delistingDate !== undefined && to > delistingDate) {
    notes.push(`${symbol}: ends at ${delistingDate}, when it was delisted, instead of ${to}`);
    to = delistingDate;
  }
  if (to < from) {
    throw new ConfigurationError(`the days asked for end at ${to}, before they start at ${from}`, {
      code: "END_BEFORE_START",
      subject: symbol,
      hint: "give a later --end-date, or correct the symbol's dates in the registry",
    });
  }
  return { from, to, notes };
}
