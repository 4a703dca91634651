import type { EndedJobAttempt, Ledger } from "../ledger/index.ts";
import type { JobEnd } from "../plan/blame.ts";
import type { JobState as PlannedState } from "../plan/canary.ts";
import { nextStep, retryPolicy, type EndedAttempt } from "../plan/retry.ts";
import { quarantineOf } from "./advice.ts";
import type { FleetHost } from "../config/index.ts";
import type { JobView } from "./host-view.ts";
import { stoppedCode } from "./results.ts";

/** Whether a job that did not end well is to be tried again. */
export type Verdict =
  | { readonly kind: "again" }
  | { readonly kind: "quarantined"; readonly reason: string; readonly advice: string }
  | { readonly kind: "cancelled" };

/**
 * What follows a job's attempts, by whose fault their ends were. A person who names the job has looked at it: then only what no
 * attempt on this host can get past keeps it from another one.
 * @param ledger with the results of all that has ended: see `recordResults`; of what was cancelled it knows only what was from this machine
 */
export function verdictOn(
  { job, where, isCancelled }: Pick<JobView, "job" | "where" | "isCancelled">,
  entry: Pick<FleetHost, "memoryMb">,
  isNamed: boolean,
  ledger: Ledger,
): Verdict {
  const outgrown = quarantineOf(where, entry);
  if (outgrown !== undefined) return { kind: "quarantined", reason: "out of memory", advice: outgrown };
  if (isNamed) return { kind: "again" };
  if (isCancelled) return { kind: "cancelled" };
  const attempts = sinceLastSuccess(ledger.jobAttempts.ofJob(job));
  if (attempts.length === 0) return { kind: "again" };
  // By hand: who asks does not want to wait for a back-off, so where in it this falls does not matter.
  const next = nextStep(attempts, 0, retryPolicy);
  if (next.step === "quarantine") return { kind: "quarantined", reason: next.reason, advice: next.advice };
  return { kind: next.step === "cancelled" ? "cancelled" : "again" };
}

/** How a job stands, as a plan counts it. */
export function plannedState({ state }: Pick<JobView, "state">, verdict: Verdict | undefined): PlannedState {
  if (state === "running" || state === "done") return state;
  return verdict?.kind === "quarantined" ? "quarantined" : "waiting";
}

function sinceLastSuccess(rows: readonly EndedJobAttempt[]): EndedAttempt[] {
  const attempts = rows.map((row) => ({ end: endOf(row), endedAtMs: row.ended_ms, host: row.host }));
  return attempts.slice(attempts.findLastIndex(({ end }) => end.kind === "done") + 1);
}

function endOf(row: EndedJobAttempt): JobEnd {
  if (row.outcome === "exited" && row.exit_code === 0) return { kind: "done" };
  if (row.is_cancelled) return { kind: "cancelled" };
  if (row.code === stoppedCode) return { kind: "stopped" };
  switch (row.outcome) {
    case "exited":
    case "signalled": {
      const exitCode = row.outcome === "exited" ? (row.exit_code ?? undefined) : undefined;
      return { kind: "failed", exitCode, code: row.code ?? `exit ${exitCode ?? "by a signal"}` };
    }
    case "out-of-memory":
      return { kind: "out of memory", peakBytes: row.peak_bytes ?? 0 };
    case "not-started":
      return { kind: "never began" };
    case "lost":
      return { kind: "lost" };
    default:
      return row.outcome satisfies never;
  }
}
