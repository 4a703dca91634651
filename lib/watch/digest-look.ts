import { addDays, daysBetween, daysInclusive, type Day } from "../model/day.ts";
import { UpstreamDataError } from "../model/errors.ts";
import type { ArchiveSource } from "../sources/archive/index.ts";
import type { ArchiveQuestion } from "./archive-look.ts";
import { inTurns } from "./in-turns.ts";

/** Archives are replaced at any time, most of them soon: the newest days are asked about at each look, of the others a few in turn. */
const newestDays = 3;
const daysInTurn = 2;
const atOnce = 8;

/** What is published of built days. */
interface DigestAnswer {
  /** The days that were asked about and gave an answer; of one that is gone there is no digest. */
  readonly askedDigests: ReadonlySet<Day>;
  readonly digests: ReadonlyMap<Day, string>;
  readonly unreadable: ReadonlyMap<Day, UpstreamDataError>;
  readonly nextDay: Day | undefined;
}

/**
 * Asks for published digests again.
 * @param turnDay where the last look stopped
 * @param revised days that were found to be others than they were built from
 * @returns the digests, the days whose checksum file is no good, and where the next look goes on; a day that is gone has no digest
 * @throws RetryableError of the source
 */
export async function askDigests(
  source: ArchiveSource,
  { built, asksAllDigests, doubtedDays }: Pick<ArchiveQuestion, "built" | "asksAllDigests" | "doubtedDays">,
  turnDay: Day | undefined,
  revised: readonly Day[],
  signal: AbortSignal,
): Promise<DigestAnswer> {
  if (built === undefined) {
    return { askedDigests: new Set(), digests: new Map(), unreadable: new Map(), nextDay: undefined };
  }
  const { firstDay, lastDay } = built;
  const turn = turnDay === undefined || turnDay > lastDay || turnDay < firstDay ? firstDay : turnDay;
  const newest = addDays(lastDay, 1 - Math.min(newestDays, daysBetween(firstDay, lastDay) + 1));
  const inTurn = daysInclusive(turn, addDays(turn, daysInTurn - 1));
  const some = [...inTurn, ...daysInclusive(newest, lastDay), ...revised, ...doubtedDays];
  const days = asksAllDigests ? daysInclusive(firstDay, lastDay) : [...new Set(some)].filter((day) => day <= lastDay);
  const digests = new Map<Day, string>();
  const unreadable = new Map<Day, UpstreamDataError>();
  await inTurns(days, atOnce, async (day) => {
    try {
      const digest = await source.digestOf(day, signal);
      if (digest !== undefined) digests.set(day, digest);
    } catch (error) {
      // One bad file says nothing of the others.
      if (!(error instanceof UpstreamDataError)) throw error;
      unreadable.set(day, error);
    }
  });
  const askedDigests = new Set(days.filter((day) => !unreadable.has(day)));
  return { askedDigests, digests, unreadable, nextDay: addDays(turn, daysInTurn) };
}
