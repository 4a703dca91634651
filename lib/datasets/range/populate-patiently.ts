import { CircuitBreaker, type BreakerLimits } from "../../model/circuit-breaker.ts";
import type { Day } from "../../model/day.ts";
import { RetryableError } from "../../model/errors.ts";
import { rest } from "../../model/rest.ts";
import { AttemptRecorder } from "./attempt-recorder.ts";
import type { PopulateListener } from "./listener.ts";
import { coveredOf, populateSymbol, type SymbolResult } from "./populate.ts";
import type { SoundWork } from "./sound-work.ts";
import { SymbolTally } from "./symbol-tally.ts";
import type { PopulateTarget } from "./populate-target.ts";

/** How long a store may be away: a server's restart, or its upgrade. */
export const storePatience: BreakerLimits = { firstPauseMs: 1_000, longestPauseMs: 30_000, silenceMs: 600_000 };

/**
 * Builds what a symbol's series lack, as populateSymbol does, and goes on where the store was away in between: what the failed
 * attempt had under way may or may not have landed, so a new one reads what is covered and begins there.
 * @param found what the first attempt begins with
 * @param signal an interruption ends a pause at once; the result says so
 * @throws RetryableError STORE_AWAY after a silence of `patience`; what populateSymbol throws
 */
export async function populatePatiently(
  target: PopulateTarget,
  found: Pick<SoundWork, "work" | "covered">,
  today: Day,
  signal: AbortSignal,
  listener: PopulateListener,
  patience: BreakerLimits,
): Promise<SymbolResult> {
  const { store } = target;
  const { work } = found;
  const tally = new SymbolTally(work, listener);
  const recorder = new AttemptRecorder(target, work, (text) => listener.line(text));
  const breaker = new CircuitBreaker(patience);
  const events = recorder.events(tally.events(() => breaker.progressed()));
  for (let isFirst = true; ; isFirst = false) {
    try {
      const covered = isFirst ? found.covered : await coveredOf(store, work);
      if (breaker.answered()) listener.line("the store answers again; going on after the last commit");
      tally.begin(covered);
      const run = async (): Promise<SymbolResult> => populateSymbol(store, work, covered, today, signal, events);
      const { interrupted } = await recorder.record(run);
      return tally.result(interrupted);
    } catch (error) {
      if (!isStoreAway(error)) throw error;
      const wasSilent = breaker.isSilent;
      const pauseMs = breaker.failed();
      if (pauseMs === undefined && !signal.aborted) throw error;
      if (!wasSilent) listener.line(awayLine(error, patience.silenceMs));
      if (pauseMs === undefined || !(await rest(pauseMs, signal))) return tally.result(true);
      breaker.retry();
    }
  }
}

function isStoreAway(error: unknown): error is RetryableError {
  return error instanceof RetryableError && error.code === "STORE_AWAY";
}

function awayLine(error: RetryableError, silenceMs: number): string {
  const subject = error.subject === undefined ? "" : `${error.subject}: `;
  return `${subject}${error.message}; waiting for it, ${Math.ceil(silenceMs / 60_000)} min at most; nothing is lost (${error.code})`;
}
