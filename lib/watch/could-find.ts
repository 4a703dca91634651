import type { IncidentBody } from "../ledger/index.ts";
import type { Day } from "../model/day.ts";
import type { ArchiveAnswer } from "./archive-look.ts";
import { digestDaysOf } from "./digest-days.ts";
import type { SeriesLook, WatchReport } from "./find-gaps.ts";

/** What an incident of a gap says of it. */
export type SaidGap = Pick<IncidentBody, "kind" | "subject" | "place" | "evidence">;

/**
 * Whether a look would have found a gap of a series if it were still there: an edge only where it is known what is published, another
 * revision of a day only where that day's digest is known. Of a series that it did not look at it says nothing.
 */
export function couldFind({ series, archives }: WatchReport): (gap: SaidGap) => boolean {
  const answerOf = new Map(archives.map((answer) => [`${answer.market}/${answer.symbol}`, answer]));
  const lookOf = new Map<string, SeriesLook>(series.map((look) => [look.wish.series, look]));
  return (gap) => {
    const look = lookOf.get(gap.subject);
    if (look === undefined) return true;
    const { key } = look.wish;
    return isCertain(gap, look, answerOf.get(`${key.market}/${key.symbol}`));
  };
}

function isCertain(gap: SaidGap, look: SeriesLook, answer: ArchiveAnswer | undefined): boolean {
  switch (gap.kind) {
    case "gap-leading":
    case "gap-trailing":
      return !look.isBlind;
    case "gap-interior":
      // Without the archive a hole is one whatever of it is published, and stands at other days.
      return !look.isBlind || !hasHoleAt(look, gap);
    case "gap-revised":
      return areKnown(gap, look, (day) => answer?.digests.has(day) === true);
    case "gap-unknown":
      return areKnown(gap, look, (day) => answer?.askedDigests.has(day) === true);
    default:
      return true;
  }
}

function hasHoleAt(
  { gaps }: SeriesLook,
  { evidence: { from_day: from = "", through_day: through = from } }: SaidGap,
): boolean {
  return gaps.some(({ kind, fromDay, throughDay }) => kind === "interior" && fromDay <= through && throughDay >= from);
}

/** Of days that are not built any more nobody asks whether their archive was replaced. */
function areKnown(gap: SaidGap, { units }: SeriesLook, isKnown: (day: Day) => boolean): boolean {
  const isBuilt = (day: Day): boolean => units.some(({ firstDay, lastDay }) => firstDay <= day && day <= lastDay);
  return digestDaysOf(gap).every((day) => !isBuilt(day) || isKnown(day));
}
