import type { IncidentBody } from "../ledger/index.ts";
import { addDays, daysInclusive, parseDay, type Day } from "../model/day.ts";

/** The place of what is found of published digests that cannot be read: whether days were replaced is another trouble than what is published. */
export const digestPlace = "published digests";

/** Days as evidence keeps them: `2024-03-05 2024-03-07..2024-03-09`. @param days in any order */
export function saidDays(days: readonly Day[]): string {
  const runs: [Day, Day][] = [];
  for (const day of [...new Set(days)].toSorted()) {
    const last = runs.at(-1);
    if (last !== undefined && addDays(last[1], 1) === day) last[1] = day;
    else runs.push([day, day]);
  }
  return runs.map(([from, through]) => (from === through ? from : `${from}..${through}`)).join(" ");
}

/** The days that {@link saidDays} wrote. */
export function daysSaid(text = ""): Day[] {
  return text.split(" ").flatMap((run) => {
    const [from, through = from] = run.split("..");
    return from === undefined || from === "" || through === undefined
      ? []
      : daysInclusive(parseDay(from), parseDay(through));
  });
}

/** The days whose published digests an incident is about; none where it is of something else. */
export function digestDaysOf({ kind, place, evidence }: Pick<IncidentBody, "kind" | "place" | "evidence">): Day[] {
  const { from_day: from, through_day: through, days } = evidence;
  if (kind === "gap-revised") return daysSaid(from === undefined ? "" : `${from}..${through ?? from}`);
  return kind === "gap-unknown" && place === digestPlace ? daysSaid(days) : [];
}
