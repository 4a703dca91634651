import type { Registry } from "../../config/index.ts";
import { dayOfMs } from "../../model/day.ts";
import { Failure } from "../../model/errors.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../../model/exit-codes.ts";
import type { Store } from "../../store/index.ts";
import { describeFailure } from "./listener.ts";
import { rebuildJob, rebuildJobs, type RebuildResult } from "./rebuild.ts";
import type { RebuildPlan } from "./rebuild-plan.ts";

export interface RebuildOutcome {
  readonly results: readonly RebuildResult[];
  readonly exitCode: ExitCode;
}

/** Carries a plan out, job after job. One that fails leaves its published builds as they are, and the others go on. */
export async function rebuildPlanned(
  store: Store,
  plan: RebuildPlan,
  registry: Registry,
  now: Date,
  signal: AbortSignal,
  line: (text: string) => void,
): Promise<RebuildOutcome> {
  const results: RebuildResult[] = [];
  for (const job of rebuildJobs(plan.rebuilds)) {
    if (signal.aborted) break;
    try {
      results.push(
        ...(await rebuildJob(store, job, registry, dayOfMs(now.getTime()), signal, {
          note: line,
          finding: (failure) => line(describeFailure(failure)),
          publishing: (unit, from, to, reason) =>
            line(`${unit}: build ${to} takes the place of build ${from} (${reason})`),
        })),
      );
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      line(describeFailure(error));
      for (const { unit, reason } of job) {
        results.push({ unit, reason, rebuild: undefined, bars: 0n, isSame: false, failures: [error] });
      }
    }
  }
  if (signal.aborted) line("interrupted; the same command goes on from there, and readers see what they saw");
  const failed = worstExitCode(results.flatMap((result) => result.failures));
  return { results, exitCode: signal.aborted ? exitCodes.interrupted : failed };
}
