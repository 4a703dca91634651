import type { Registry } from "../../config/index.ts";
import { dayOfMs, type Day } from "../../model/day.ts";
import { Failure } from "../../model/errors.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../../model/exit-codes.ts";
import type { Ledger } from "../../ledger/index.ts";
import type { Store } from "../../store/index.ts";
import { describeFailure } from "./listener.ts";
import { rebuildJob, rebuildJobs, type RebuildEvents, type RebuildResult } from "./rebuild.ts";
import type { PlannedRebuild, RebuildPlan } from "./rebuild-plan.ts";

export interface RebuildOutcome {
  readonly results: readonly RebuildResult[];
  readonly exitCode: ExitCode;
}

/** Where a rebuild writes to. */
export interface RebuildTarget {
  readonly store: Store;
  readonly ledger: Ledger;
}

/**
 * Carries a plan out, job after job. One that fails leaves its published builds as they are, and the others go on.
 * @param dayRead a sign of life, for who watches over a long one
 */
export async function rebuildPlanned(
  { store, ledger }: RebuildTarget,
  plan: RebuildPlan,
  registry: Registry,
  now: Date,
  signal: AbortSignal,
  line: (text: string) => void,
  dayRead: (day: Day) => void = () => undefined,
): Promise<RebuildOutcome> {
  const results: RebuildResult[] = [];
  for (const job of rebuildJobs(plan.rebuilds)) {
    if (signal.aborted) break;
    for (const { unit, reason } of job) ledger.journal.record("rebuild.started", unit, { reason });
    const ofJob = await resultsOf(store, job, registry, dayOfMs(now.getTime()), signal, {
      note: line,
      finding: (failure) => line(describeFailure(failure)),
      dayRead,
      publishing: (unit, from, to, reason) => {
        ledger.journal.record("pointer.moving", unit, { from, to, reason });
        line(`${unit}: build ${to} takes the place of build ${from} (${reason})`);
      },
    });
    for (const { unit, rebuild, failures } of ofJob) {
      const code = failures.at(-1)?.code;
      ledger.journal.record("rebuild.ended", unit, { ...(rebuild && { rebuild }), ...(code && { code }) });
    }
    results.push(...ofJob);
  }
  if (signal.aborted) line("interrupted; the same command goes on from there, and readers see what they saw");
  const failed = worstExitCode(results.flatMap((result) => result.failures));
  return { results, exitCode: signal.aborted ? exitCodes.interrupted : failed };
}

/** What a job came to; one that failed as a whole has the same failure for each of its units. */
async function resultsOf(
  store: Store,
  job: readonly [PlannedRebuild, ...PlannedRebuild[]],
  registry: Registry,
  today: Day,
  signal: AbortSignal,
  events: RebuildEvents,
): Promise<RebuildResult[]> {
  try {
    return await rebuildJob(store, job, registry, today, signal, events);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    events.finding(error);
    return job.map(({ unit, reason }) => ({
      unit,
      reason,
      rebuild: undefined,
      bars: 0n,
      isSame: false,
      failures: [error],
    }));
  }
}
