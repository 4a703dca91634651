import type { DeviatingDay } from "../ledger/index.ts";
import type { Day } from "../model/day.ts";
import type { AbsentDay, ArchiveFacts } from "./condition.ts";
import { utcMinute } from "./incident-messages.ts";

/** What shows that days are missing upstream, and not only late. */
export interface Absence {
  /** Since when every look has found all of them absent. */
  readonly sinceMs: number;
  /** Since when none of them was asked for again. */
  readonly askedMs: number;
  /** Later days are there: the last one that is. */
  readonly publishedThrough: Day;
}

/** Of days that are not as they were built from, those that are not there at all. */
export function absentDays(deviating: readonly DeviatingDay[]): Map<Day, AbsentDay> {
  return new Map(
    deviating.flatMap(({ day, sha256, firstSeenMs, seenMs }) =>
      sha256 === undefined ? [[day, { sinceMs: firstSeenMs, askedMs: seenMs }]] : [],
    ),
  );
}

/** The evidence that days are missing; undefined where one of them was never asked for, or no later day is there. */
export function absenceOf(
  { absences, extent }: Pick<ArchiveFacts, "absences" | "extent">,
  days: readonly Day[],
): Absence | undefined {
  const found = days.flatMap((day) => absences.get(day) ?? []);
  const last = days.at(-1);
  if (last === undefined || found.length < days.length) return undefined;
  if (extent === undefined || last > extent.lastDay) return undefined;
  return {
    sinceMs: Math.max(...found.map(({ sinceMs }) => sinceMs)),
    askedMs: Math.min(...found.map(({ askedMs }) => askedMs)),
    publishedThrough: extent.lastDay,
  };
}

/** That of several stretches of one archive together. */
export function togetherAbsent(absences: readonly Absence[]): Absence | undefined {
  const [first] = absences;
  if (first === undefined) return undefined;
  return {
    ...first,
    sinceMs: Math.max(...absences.map(({ sinceMs }) => sinceMs)),
    askedMs: Math.min(...absences.map(({ askedMs }) => askedMs)),
  };
}

/** What of it is the same at each look: it may stand in a gap's reason, and so in what is said of an incident. */
export function absentSince({ sinceMs }: Pick<Absence, "sinceMs">): string {
  return `absent since ${utcMinute(sinceMs)}, while later days are there`;
}

/** What of it changes from look to look. */
export function lastAsked({ askedMs, publishedThrough }: Omit<Absence, "sinceMs">): string {
  return `last asked for ${utcMinute(askedMs)}; what is published reaches to ${publishedThrough}`;
}

/** In a finding's evidence. */
export function absenceEvidence({ sinceMs, askedMs, publishedThrough }: Absence): Readonly<Record<string, string>> {
  return {
    absent_since: utcMinute(sinceMs),
    last_asked: utcMinute(askedMs),
    published_through: publishedThrough,
  };
}

/** In a document. */
export function absenceEntry({ sinceMs, askedMs, publishedThrough }: Absence): AbsenceEntry {
  return {
    since: new Date(sinceMs).toISOString(),
    asked_at: new Date(askedMs).toISOString(),
    published_through: publishedThrough,
  };
}

/** Times are ISO 8601. */
export interface AbsenceEntry {
  readonly since: string;
  readonly asked_at: string;
  readonly published_through: string;
}
