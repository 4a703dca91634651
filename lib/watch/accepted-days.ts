import type { Ledger } from "../ledger/index.ts";
import { daysInclusive, type Day } from "../model/day.ts";
import { parseSeriesId } from "../model/series.ts";
import {
  absenceEntry,
  absenceOf,
  absentDays,
  absentSince,
  lastAsked,
  type Absence,
  type AbsenceEntry,
} from "./absence.ts";
import type { ArchiveFacts } from "./condition.ts";
import { utcMinute } from "./incident-messages.ts";

/** A symbol of a market, and where its archive is; undefined for the place that was looked at last. */
interface Place {
  readonly location: string | undefined;
  readonly market: string;
  readonly symbol: string;
}

/** The archive as the ledger remembers it: a look since may find it otherwise. */
interface Remembered extends Pick<ArchiveFacts, "extent" | "absences"> {
  readonly lookedMs: number;
  readonly isPublished: (day: Day) => boolean;
}

function rememberedArchive(ledger: Ledger, place: Place): Remembered | undefined {
  const extent = ledger.archives.extent(place);
  if (extent === undefined) return undefined;
  const { firstDay, lastDay, lookedMs, location } = extent;
  const absences = absentDays(ledger.archives.deviating({ ...place, location }));
  const ends = firstDay === undefined || lastDay === undefined ? undefined : { firstDay, lastDay };
  const isPublished = (day: Day): boolean =>
    ends !== undefined && ends.firstDay <= day && day <= ends.lastDay && !absences.has(day);
  return { lookedMs, extent: ends, absences, isPublished };
}

/** What the ledger has to show that days are missing. */
export interface AbsenceOnRecord {
  /** Those of the days that looks have found absent. */
  readonly days: readonly Day[];
  readonly absence: Absence;
}

interface EvidenceEntry extends AbsenceEntry {
  readonly days: readonly Day[];
}

/** What shows that days are missing, as far as the ledger remembers; undefined where no look has found any of them absent. */
export function absenceOnRecord(
  ledger: Ledger,
  place: Place,
  fromDay: Day,
  throughDay: Day,
): AbsenceOnRecord | undefined {
  const remembered = rememberedArchive(ledger, place);
  if (remembered === undefined) return undefined;
  const days = daysInclusive(fromDay, throughDay).filter((day) => remembered.absences.has(day));
  const absence = absenceOf(remembered, days);
  return absence === undefined ? undefined : { days, absence };
}

/** The same for a document, and for the record of an acceptance. */
export function evidenceEntry(onRecord: AbsenceOnRecord | undefined): EvidenceEntry | null {
  return onRecord === undefined ? null : { days: onRecord.days, ...absenceEntry(onRecord.absence) };
}

/** And for a person. */
export function evidenceText(onRecord: AbsenceOnRecord | undefined): string {
  if (onRecord === undefined) return "no look has found these days absent: nothing on record shows that they are";
  const { days, absence } = onRecord;
  return `${stretch(days)}: ${absentSince(absence)}; ${lastAsked(absence)}`;
}

/** What speaks against days being missing, as far as the ledger remembers: nothing is asked of an archive or a store. */
export function doubtsOf(ledger: Ledger, place: Place, fromDay: Day, throughDay: Day): string[] {
  const remembered = rememberedArchive(ledger, place);
  const series = ledger.mirror.units.series().filter((one) => {
    const { market, symbol } = parseSeriesId(one);
    return market === place.market && symbol === place.symbol;
  });
  const covered = new Set(series.flatMap((one) => ledger.mirror.daysOf(one, fromDay, throughDay)));
  const days = daysInclusive(fromDay, throughDay);
  const built = days.filter((day) => covered.has(day));
  const published = days.filter((day) => !covered.has(day) && remembered?.isPublished(day) === true);
  return [
    ...(built.length === 0 ? [] : [`${stretch(built)}: the store has it: nothing is missing there`]),
    ...(published.length === 0 || remembered === undefined
      ? []
      : [
          `${stretch(published)}: published as far as is remembered of ${utcMinute(remembered.lookedMs)}: what is there is a gap all the same`,
        ]),
  ];
}

function stretch(days: readonly Day[]): string {
  const [first = "", last = ""] = [days[0], days.at(-1)];
  return first === last ? first : `${first} … ${last}, ${days.length} days`;
}

/** Whether a person's word that a day has no archive holds: for its time, and while nobody has seen the archive. */
export function isAcceptedIn(ledger: Ledger, place: Place, nowMs: number): (day: Day) => boolean {
  const remembered = rememberedArchive(ledger, place);
  const accepted = ledger.archives
    .accepted(place)
    .filter(({ expiresMs }) => expiresMs === undefined || expiresMs > nowMs);
  return (day) =>
    remembered?.isPublished(day) !== true &&
    accepted.some(({ fromDay, throughDay }) => fromDay <= day && day <= throughDay);
}
