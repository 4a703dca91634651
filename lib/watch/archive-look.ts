import type { Ledger } from "../ledger/index.ts";
import { addDays, dayOfMs, daysInclusive, type Day } from "../model/day.ts";
import { Failure } from "../model/errors.ts";
import type { Market } from "../model/markets.ts";
import { openArchive, type ArchiveSource } from "../sources/archive/index.ts";
import { nothingKnown, type ArchiveFacts } from "./condition.ts";
import { inTurns } from "./in-turns.ts";

/** What is wanted to be known of one symbol's archive. */
export interface ArchiveQuestion {
  readonly market: Market;
  readonly symbol: string;
  /** The first day that is expected. */
  readonly from: Day;
  /** The last day of which something is built. */
  readonly coveredThrough: Day | undefined;
  /** Days inside that are not built: each is asked about, up to {@link daysAskedMost}. */
  readonly days: readonly Day[];
}

/** The archive as it was found, or as it is remembered where it could not be looked at. */
export interface ArchiveAnswer extends ArchiveQuestion {
  readonly facts: ArchiveFacts;
  /** Why it could not be looked at. */
  readonly failure: Failure | undefined;
}

/** Where archives are looked at. */
export interface ArchivePlace {
  /** Undefined where none is named: what is remembered has to do. */
  readonly location: string | undefined;
  readonly stateDirectory: string;
}

/** Single days of one symbol that a look asks about; of a longer hole the rest counts as published like its neighbours. */
const daysAskedMost = 400;
/** How far behind the last built day the end is looked for one by one. */
const edgeDays = 31;
const symbolsAtOnce = 8;
const daysAtOnce = 8;
/** A look must end: what does not answer soon is told as not known, and looked at again the next time. */
const policy = { attempts: 3, firstDelayMs: 250, maxDelayMs: 2_000, stallMs: 10_000 };
/** A first day that was found is asked about again after a day. */
const firstDayMs = 86_400_000;

/**
 * What the archive has of each symbol: asked at both ends, and day by day where something is missing; what was found is kept in the
 * ledger with its time. Never throws for an archive that is away: that is an answer.
 */
export async function lookAtArchives(
  place: ArchivePlace,
  questions: readonly ArchiveQuestion[],
  ledger: Ledger,
  nowMs: number,
  signal: AbortSignal,
): Promise<ArchiveAnswer[]> {
  return inTurns(questions, symbolsAtOnce, async (question) => lookAt(place, question, ledger, nowMs, signal));
}

async function lookAt(
  { location, stateDirectory }: ArchivePlace,
  question: ArchiveQuestion,
  ledger: Ledger,
  nowMs: number,
  signal: AbortSignal,
): Promise<ArchiveAnswer> {
  const { market, symbol } = question;
  if (location === undefined) {
    return { ...question, facts: remembered(ledger, question, undefined), failure: undefined };
  }
  try {
    const source = await openArchive(location, market, symbol, stateDirectory, policy);
    const key = { location, market, symbol };
    const extent = await extentOf(source, question, ledger.archives.extent(key), nowMs, signal);
    const { firstDay, lastDay } = extent;
    ledger.archives.putExtent(key, { ...extent, askedFrom: question.from, lookedMs: nowMs });
    const known = firstDay === undefined || lastDay === undefined ? undefined : { firstDay, lastDay };
    const asked = await askDays(source, daysToAsk(question, lastDay), signal);
    ledger.transaction(() => {
      for (const [day, state] of asked) {
        if (state === "absent") ledger.archives.putDeviating(key, day, undefined, nowMs);
        else ledger.archives.forgetDeviating(key, day);
      }
    });
    const facts = { extent: known, lookedMs: nowMs, asked, accepted: ledger.archives.accepted(question) };
    return { ...question, facts, failure: undefined };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { ...question, facts: remembered(ledger, question, location), failure: error };
  }
}

function remembered(ledger: Ledger, question: ArchiveQuestion, location: string | undefined): ArchiveFacts {
  const extent = ledger.archives.extent({ ...question, location });
  const accepted = ledger.archives.accepted(question);
  if (extent === undefined) return { ...nothingKnown, accepted };
  const { firstDay, lastDay, lookedMs } = extent;
  const days = ledger.archives.deviating({ ...question, location: extent.location });
  return {
    // What was published before an earlier start than was asked for then is not known.
    extent:
      firstDay === undefined || lastDay === undefined || extent.askedFrom > question.from
        ? undefined
        : { firstDay, lastDay },
    lookedMs,
    asked: new Map(days.map(({ day, sha256 }) => [day, sha256 === undefined ? "absent" : "present"])),
    accepted,
  };
}

type Ends = Pick<NonNullable<ReturnType<Ledger["archives"]["extent"]>>, "firstDay" | "lastDay" | "recheckDay">;

/** Both ends; nothing where nothing is published. */
async function extentOf(
  source: ArchiveSource,
  question: ArchiveQuestion,
  before: ReturnType<Ledger["archives"]["extent"]>,
  nowMs: number,
  signal: AbortSignal,
): Promise<Ends> {
  const { from, coveredThrough } = question;
  const recheckDay = before?.recheckDay;
  const yesterday = addDays(dayOfMs(nowMs), -1);
  const lastDay = await lastDayOf(source, coveredThrough, yesterday, signal);
  if (lastDay === undefined || lastDay < from) return { firstDay: undefined, lastDay: undefined, recheckDay };
  const isKnown = before?.askedFrom === from && nowMs - before.lookedMs < firstDayMs;
  const firstDay = (isKnown ? before.firstDay : undefined) ?? (await source.firstPublished(from, lastDay, signal));
  return firstDay === undefined
    ? { firstDay: undefined, lastDay: undefined, recheckDay }
    : { firstDay, lastDay, recheckDay };
}

/** A symbol whose archive has ended says so: what is behind the last built day is asked about one by one. */
async function lastDayOf(
  source: ArchiveSource,
  coveredThrough: Day | undefined,
  yesterday: Day,
  signal: AbortSignal,
): Promise<Day | undefined> {
  try {
    return await source.lastPublished(yesterday, signal);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "NO_LAST_DAY") throw error;
  }
  if (coveredThrough === undefined) return undefined;
  const reach = addDays(coveredThrough, edgeDays);
  const behind = await askDays(source, daysInclusive(coveredThrough, reach < yesterday ? reach : yesterday), signal);
  return [...behind].findLast(([, state]) => state === "present")?.[0];
}

function daysToAsk({ days, coveredThrough }: ArchiveQuestion, lastDay: Day | undefined): Day[] {
  if (lastDay === undefined) return [];
  const next = coveredThrough === undefined ? undefined : addDays(coveredThrough, 1);
  const edge = next === undefined ? [] : daysInclusive(next, lastDay).slice(0, edgeDays);
  return [...new Set([...days, ...edge])].filter((day) => day <= lastDay).slice(0, daysAskedMost);
}

async function askDays(
  source: ArchiveSource,
  days: readonly Day[],
  signal: AbortSignal,
): Promise<Map<Day, "present" | "absent">> {
  const sizes = await inTurns(days, daysAtOnce, async (day) => source.sizeOf(day, signal));
  return new Map(days.map((day, i) => [day, sizes[i] === undefined ? "absent" : "present"]));
}
