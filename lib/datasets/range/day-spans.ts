import { addDays, type Day } from "../../model/day.ts";
import { segmentsBetween, type Segment, type Segmentation } from "../../model/segments.ts";

/** A unit's state as far as days go: the last source day it has committed, and whether that day's file was read to its end. */
export interface CoveredUpTo {
  readonly day: Day;
  readonly dayDone: boolean;
}

/** The days of one segment that some unit of the job still needs. */
export interface DaySpan {
  readonly segment: Segment;
  /** Per unit of the job the first day it still needs; undefined where it lacks nothing. */
  readonly needs: readonly (Day | undefined)[];
  readonly from: Day;
  readonly to: Day;
}

/**
 * What is left to build of [from, to]: per segment, from the earliest day that one of its units still needs. A unit goes
 * on where its coverage ends, also when a later start is asked for, so that it never holds a hole of its own making.
 * @param coveredUpTo per segment id, one entry per threshold; `undefined` where the unit has nothing yet
 */
export function daySpans(
  from: Day,
  to: Day,
  segmentation: Segmentation,
  coveredUpTo: (segment: Segment) => readonly (CoveredUpTo | undefined)[],
): DaySpan[] {
  return segmentsBetween(from, to, segmentation).flatMap((segment) => {
    const first = segment.firstDay > from ? segment.firstDay : from;
    const last = segment.lastDay < to ? segment.lastDay : to;
    const next = coveredUpTo(segment).map((covered) =>
      covered === undefined ? first : covered.dayDone ? addDays(covered.day, 1) : covered.day,
    );
    const earliest = next.reduce((a, b) => (a < b ? a : b), addDays(last, 1));
    const needs = next.map((day) => (day > last ? undefined : day));
    return earliest > last ? [] : [{ segment, needs, from: earliest, to: last }];
  });
}

/** Spans whose days follow each other, joined, so that one stream of archives runs across a reset. */
export function joinSpans(spans: readonly DaySpan[]): { from: Day; to: Day }[] {
  const joined: { from: Day; to: Day }[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last !== undefined && addDays(last.to, 1) === span.from) last.to = span.to;
    else joined.push({ from: span.from, to: span.to });
  }
  return joined;
}
