import { addDays, dayStartMs, type Day } from "./day.ts";

/** How often a series resets ("ouroboros" boundaries, UTC): Jan 1, the 1st, or Sunday. */
export const segmentations = ["year", "month", "week"] as const;
export type Segmentation = (typeof segmentations)[number];

/** A segment's id: `2024`, `2024-08`, or `w2024-08-04` (a week by its Sunday). */
export type SegmentId = string & { readonly __brand: "SegmentId" };

export interface Segment {
  readonly id: SegmentId;
  readonly firstDay: Day;
  readonly lastDay: Day;
}

/** The segment that holds a day. */
export function segmentOf(day: Day, segmentation: Segmentation): Segment {
  const year = day.slice(0, 4);
  switch (segmentation) {
    case "year":
      return { id: year as SegmentId, firstDay: `${year}-01-01` as Day, lastDay: `${year}-12-31` as Day };
    case "month": {
      const id = day.slice(0, 7);
      const firstDay = `${id}-01` as Day;
      const afterLast = `${addDays(firstDay, 31).slice(0, 7)}-01` as Day;
      return { id: id as SegmentId, firstDay, lastDay: addDays(afterLast, -1) };
    }
    case "week": {
      const firstDay = addDays(day, -new Date(dayStartMs(day)).getUTCDay());
      return { id: `w${firstDay}` as SegmentId, firstDay, lastDay: addDays(firstDay, 6) };
    }
  }
}

/** A segment's reset, read off its id's shape. */
export function segmentationOf(id: SegmentId): Segmentation {
  if (id.startsWith("w")) return "week";
  return id.length === 4 ? "year" : "month";
}

/** The segments that touch [from, to], oldest first. */
export function segmentsBetween(from: Day, to: Day, segmentation: Segmentation): Segment[] {
  const segments: Segment[] = [];
  for (let day = from; day <= to;) {
    const segment = segmentOf(day, segmentation);
    segments.push(segment);
    day = addDays(segment.lastDay, 1);
  }
  return segments;
}
