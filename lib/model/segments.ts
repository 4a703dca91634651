import { addDays, dayStartMs, parseDay, type Day } from "./day.ts";

/** How often a series resets ("ouroboros" boundaries, UTC): Jan 1, the 1st, or Sunday. */
export const segmentations = ["year", "month", "week"] as const;
export type Segmentation = (typeof segmentations)[number];

/** A segment's id: `2024`, `2024-08`, or `w2024-08-04` (a week by its Sunday). */
export type SegmentId = string & { readonly __brand: "SegmentId" };

export function isSegmentId(text: string): text is SegmentId {
  return /^(\d{4}(-\d{2})?|w\d{4}-\d{2}-\d{2})$/.test(text);
}

/** @throws TypeError for a text that names no segment: ids are made here and read back, never typed in */
export function parseSegmentId(text: string): SegmentId {
  if (isSegmentId(text)) return text;
  throw new TypeError(`"${text}" is not a segment`);
}

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
      return segment(year, parseDay(`${year}-01-01`), parseDay(`${year}-12-31`));
    case "month": {
      const month = day.slice(0, 7);
      const firstDay = parseDay(`${month}-01`);
      const afterLast = parseDay(`${addDays(firstDay, 31).slice(0, 7)}-01`);
      return segment(month, firstDay, addDays(afterLast, -1));
    }
    case "week": {
      const firstDay = addDays(day, -new Date(dayStartMs(day)).getUTCDay());
      return segment(`w${firstDay}`, firstDay, addDays(firstDay, 6));
    }
    default:
      return segmentation satisfies never;
  }
}

function segment(id: string, firstDay: Day, lastDay: Day): Segment {
  return { id: parseSegmentId(id), firstDay, lastDay };
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
