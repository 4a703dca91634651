import { addDays, daysBetween, daysInclusive, type Day } from "../model/day.ts";
import type { ArchiveSource } from "../sources/archive/index.ts";
import type { ArchiveQuestion } from "./archive-look.ts";
import { inTurns } from "./in-turns.ts";

/** Archives are replaced at any time, most of them soon: the newest days are asked about at each look, of the others a few in turn. */
const newestDays = 3;
const daysInTurn = 2;
const atOnce = 8;

/**
 * Asks for published digests again.
 * @param turnDay where the last look stopped
 * @param revised days that were found to be others than they were built from
 * @returns the digests, and where the next look goes on; a day that is gone has none
 * @throws what the source throws
 */
export async function askDigests(
  source: ArchiveSource,
  { built, asksAllDigests }: Pick<ArchiveQuestion, "built" | "asksAllDigests">,
  turnDay: Day | undefined,
  revised: readonly Day[],
  signal: AbortSignal,
): Promise<{ readonly digests: ReadonlyMap<Day, string>; readonly nextDay: Day | undefined }> {
  if (built === undefined) return { digests: new Map(), nextDay: undefined };
  const { firstDay, lastDay } = built;
  const turn = turnDay === undefined || turnDay > lastDay || turnDay < firstDay ? firstDay : turnDay;
  const newest = addDays(lastDay, 1 - Math.min(newestDays, daysBetween(firstDay, lastDay) + 1));
  const some = [...daysInclusive(turn, addDays(turn, daysInTurn - 1)), ...daysInclusive(newest, lastDay), ...revised];
  const days = asksAllDigests ? daysInclusive(firstDay, lastDay) : [...new Set(some)].filter((day) => day <= lastDay);
  const digests = await inTurns(days, atOnce, async (day) => source.digestOf(day, signal));
  const found = days.flatMap((day, i) => {
    const digest = digests[i];
    return digest === undefined ? [] : [[day, digest] as const];
  });
  return { digests: new Map(found), nextDay: addDays(turn, daysInTurn) };
}
