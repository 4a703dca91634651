import type { ArchiveKey, Ledger } from "../ledger/index.ts";
import { addDays, dayOfMs, daysInclusive, type Day } from "../model/day.ts";
import { Failure, RetryableError, UnavailableError, type UpstreamDataError } from "../model/errors.ts";
import { formatSeconds } from "../model/format.ts";
import type { Market } from "../model/markets.ts";
import { openArchive, type ArchiveSource } from "../sources/archive/index.ts";
import { absentDays } from "./absence.ts";
import { nothingKnown, type ArchiveFacts } from "./condition.ts";
import { askDigests } from "./digest-look.ts";
import { inTurns } from "./in-turns.ts";

/** What is wanted to be known of one symbol's archive. */
export interface ArchiveQuestion {
  readonly market: Market;
  readonly symbol: string;
  /** The first day that is expected. */
  readonly from: Day;
  /** The days of which something is built, and the last one that all its series have; undefined where nothing is. */
  readonly built: { readonly firstDay: Day; readonly lastDay: Day; readonly lastDayOfAll: Day } | undefined;
  /** Days inside that are not built: each is asked about, up to {@link daysAskedMost}. */
  readonly days: readonly Day[];
  /** The published digests of all built days, and not only of the newest and the next ones in turn. */
  readonly asksAllDigests: boolean;
  /** Days of which an incident says that their digest is another one, or cannot be read: each is asked about at every look. */
  readonly doubtedDays: readonly Day[];
  /** All that is wanted of it is built: nothing has to be published any more. */
  readonly isOver: boolean;
}

/** The archive as it was found, or as it is remembered where it could not be looked at. */
export interface ArchiveAnswer extends ArchiveQuestion {
  readonly facts: ArchiveFacts;
  /** Days whose published digest was asked in this look, with an answer; one that is gone is among them. */
  readonly askedDigests: ReadonlySet<Day>;
  /** The digests that are published, of days that were asked about or are remembered as revised. */
  readonly digests: ReadonlyMap<Day, string>;
  /** Days whose archive is there and whose published digest cannot be read, and why. */
  readonly unreadable: ReadonlyMap<Day, UpstreamDataError>;
  /** Why it could not be looked at. */
  readonly failure: Failure | undefined;
}

/** Where archives are looked at. */
export interface ArchivePlace {
  /** Undefined where none is named: what is remembered has to do. */
  readonly location: string | undefined;
  readonly stateDirectory: string;
  /** What has not answered by then, for all symbols together, is away; undefined where time does not matter. */
  readonly withinMs: number | undefined;
}

/** Single days of one symbol that a look asks about; of a longer hole the rest counts as published like its neighbours. */
const daysAskedMost = 400;
/** How far behind the last built day the end is looked for one by one. */
const edgeDays = 31;
const symbolsAtOnce = 8;
const daysAtOnce = 8;
/** A look must end: what does not answer soon is told as not known, and looked at again the next time. */
const policy = { attempts: 3, firstDelayMs: 250, maxDelayMs: 2_000, stallMs: 10_000, longestWaitMs: 2_000 };
/** So many symbols in a row without an answer, and the others are not asked: each would take as long. */
const silentMost = 2;

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
  const look = new ArchiveLook(place, ledger, nowMs, signal);
  return inTurns(questions, symbolsAtOnce, async (question) => look.at(question));
}

class ArchiveLook {
  readonly #place: ArchivePlace;
  readonly #ledger: Ledger;
  readonly #nowMs: number;
  readonly #signal: AbortSignal;
  /** Aborted when the time that it has is over. */
  readonly #late: AbortSignal;
  #silentInRow = 0;
  #silence: Failure | undefined;

  constructor(place: ArchivePlace, ledger: Ledger, nowMs: number, signal: AbortSignal) {
    this.#place = place;
    this.#ledger = ledger;
    this.#nowMs = nowMs;
    const { withinMs } = place;
    this.#late = withinMs === undefined ? new AbortController().signal : AbortSignal.timeout(withinMs);
    this.#signal = AbortSignal.any([signal, this.#late]);
  }

  async at(question: ArchiveQuestion): Promise<ArchiveAnswer> {
    const { location, stateDirectory } = this.#place;
    if (location === undefined) return this.#remembered(question);
    if (this.#silentInRow >= silentMost) return { ...this.#remembered(question), failure: this.#silence };
    try {
      const { market, symbol } = question;
      const source = await openArchive(location, market, symbol, stateDirectory, policy);
      const answer = await this.#ask(source, { location, market, symbol }, question);
      this.#silentInRow = 0;
      return answer;
    } catch (error) {
      return { ...this.#remembered(question), failure: this.#failureOf(error, location) };
    }
  }

  /** @throws what is no failure of the archive: an interruption, a bug */
  #failureOf(error: unknown, location: string): Failure {
    const failure = this.#late.aborted && isAbort(error) ? tooLate(location, this.#place.withinMs) : error;
    if (!(failure instanceof Failure)) throw failure;
    if (failure instanceof RetryableError) {
      this.#silentInRow += 1;
      this.#silence = failure;
    }
    return failure;
  }

  async #ask(source: ArchiveSource, key: ArchiveKey, question: ArchiveQuestion): Promise<ArchiveAnswer> {
    const { archives } = this.#ledger;
    const before = archives.extent(key);
    const ends = await this.#ends(source, question, before);
    if (ends === undefined && question.built !== undefined && !question.isOver) throw hasNothing(key, question.built);
    const asked = await this.#askDays(source, daysToAsk(question, ends?.lastDay));
    const revised = [...this.#revised(key).keys()];
    const extent = {
      askedFrom: question.from,
      firstDay: ends?.firstDay,
      lastDay: ends?.lastDay,
      lookedMs: this.#nowMs,
    };
    // What is found out is kept before digests are asked: they may be what fails.
    this.#ledger.transaction(() => {
      archives.putExtent(key, { ...extent, recheckDay: before?.recheckDay });
      for (const [day, state] of asked) {
        if (state === "absent") archives.putDeviating(key, day, undefined, this.#nowMs);
        else archives.forgetDeviating(key, day);
      }
    });
    const absences = absentDays(archives.deviating(key));
    const facts = { extent: ends, lookedMs: this.#nowMs, asked, absences, accepted: archives.accepted(question) };
    const { nextDay, ...answer } = await askDigests(source, question, before?.recheckDay, revised, this.#signal);
    archives.putExtent(key, { ...extent, recheckDay: nextDay });
    return { ...question, facts, ...answer, failure: undefined };
  }

  #remembered(question: ArchiveQuestion): ArchiveAnswer {
    const { archives } = this.#ledger;
    const extent = archives.extent({ ...question, location: this.#place.location });
    const accepted = archives.accepted(question);
    if (extent === undefined) {
      return { ...question, ...noDigests, facts: { ...nothingKnown, accepted }, failure: undefined };
    }
    const { firstDay, lastDay, lookedMs, location } = extent;
    const key = { ...question, location };
    const absences = absentDays(archives.deviating(key));
    const facts: ArchiveFacts = {
      // What was published before an earlier start than was asked for then is not known.
      extent:
        firstDay === undefined || lastDay === undefined || extent.askedFrom > question.from
          ? undefined
          : { firstDay, lastDay },
      lookedMs,
      asked: new Map([...absences.keys()].map((day) => [day, "absent"])),
      absences,
      accepted,
    };
    return { ...question, ...noDigests, facts, digests: this.#revised(key), failure: undefined };
  }

  #revised(key: ArchiveKey): Map<Day, string> {
    const days = this.#ledger.archives.deviating(key);
    return new Map(days.flatMap(({ day, sha256 }) => (sha256 === undefined ? [] : [[day, sha256]])));
  }

  /** The first and the last published day; undefined where nothing is published. */
  async #ends(
    source: ArchiveSource,
    question: ArchiveQuestion,
    before: ReturnType<Ledger["archives"]["extent"]>,
  ): Promise<ArchiveFacts["extent"]> {
    const { from } = question;
    const lastDay = await this.#lastDay(source, question);
    if (lastDay === undefined || lastDay < from) return undefined;
    // Archives are also filled backwards: the first day is asked about once on each day.
    const isKnown = before?.askedFrom === from && dayOfMs(before.lookedMs) === dayOfMs(this.#nowMs);
    const remembered = isKnown ? before.firstDay : undefined;
    const firstDay = remembered ?? (await source.firstPublished(from, lastDay, this.#signal));
    return firstDay === undefined ? undefined : { firstDay, lastDay };
  }

  /** A symbol whose archive has ended says so: what is behind the last built day is asked about one by one. */
  async #lastDay(source: ArchiveSource, { built }: ArchiveQuestion): Promise<Day | undefined> {
    const yesterday = addDays(dayOfMs(this.#nowMs), -1);
    try {
      return await source.lastPublished(yesterday, this.#signal);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "NO_LAST_DAY") throw error;
    }
    if (built === undefined) return undefined;
    const reach = addDays(built.lastDay, edgeDays);
    const behind = await this.#askDays(source, daysInclusive(built.lastDay, reach < yesterday ? reach : yesterday));
    return [...behind].findLast(([, state]) => state === "present")?.[0];
  }

  async #askDays(source: ArchiveSource, days: readonly Day[]): Promise<Map<Day, "present" | "absent">> {
    const sizes = await inTurns(days, daysAtOnce, async (day) => source.sizeOf(day, this.#signal));
    return new Map(days.map((day, i) => [day, sizes[i] === undefined ? "absent" : "present"]));
  }
}

const noDigests = {
  askedDigests: new Set<Day>(),
  digests: new Map<Day, string>(),
  unreadable: new Map<Day, UpstreamDataError>(),
};

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

function tooLate(location: string, withinMs = 0): RetryableError {
  return new RetryableError(`it did not answer within ${formatSeconds(withinMs / 1000)}`, {
    code: "ARCHIVE_UNREACHABLE",
    subject: location,
    hint: "check the network and proxy settings",
  });
}

/** Days were read from it that it has no more: it is more likely to be another place than to have lost all. */
function hasNothing(
  { location, symbol }: ArchiveKey,
  { lastDay }: NonNullable<ArchiveQuestion["built"]>,
): UnavailableError {
  return new UnavailableError(`it has no archive of ${symbol}, not even of ${lastDay}, which is built`, {
    code: "ARCHIVE_EMPTY",
    subject: location,
    hint: "check --archive: the folder that holds data/, or the base URL",
  });
}

function daysToAsk({ days, built }: ArchiveQuestion, lastDay: Day | undefined): Day[] {
  if (lastDay === undefined) return [];
  const edge = built === undefined ? [] : daysInclusive(addDays(built.lastDayOfAll, 1), lastDay).slice(0, edgeDays);
  return [...new Set([...days, ...edge])].filter((day) => day <= lastDay).slice(0, daysAskedMost);
}
