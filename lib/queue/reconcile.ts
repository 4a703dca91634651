import type { JobEvidence } from "./evidence.ts";
import type { RunResult } from "./job-files.ts";
import type { TaskOutcome, TaskState } from "./queue.ts";

/** Where a job really is. */
export type Whereabouts =
  /** It waits in the queue. */
  | { readonly kind: "waiting" }
  /** `unattended`: the queue has lost sight of it; only the host's own evidence shows it. */
  | { readonly kind: "running"; readonly unattended: boolean }
  /** Its supervisor saw it end. */
  | { readonly kind: "finished"; readonly result: RunResult }
  /** The queue ended it before its supervisor began: refused by the scope of the same name, no such program, a dependency. */
  | { readonly kind: "not-started"; readonly outcome: TaskOutcome | undefined }
  /** It began, and left neither a process nor a result: killed with its supervisor, or the host went down. */
  | { readonly kind: "lost" };

/**
 * Holds what the queue says against what the host shows. After a restart of its daemon, pueue calls every task killed that it had
 * running, although their processes go on: killed does not mean dead.
 * @param state undefined when the queue does not know the task (any more)
 */
export function reconcile(
  state: TaskState | undefined,
  evidence: Pick<JobEvidence, "record" | "result" | "isAlive">,
): Whereabouts {
  const { record, result, isAlive } = evidence;
  const runsByQueue = state?.kind === "running" || state?.kind === "paused";
  if (isAlive) return { kind: "running", unattended: !runsByQueue };
  // Its supervisor is about to begin, or has ended a moment ago; a result may still be that of an earlier run.
  if (runsByQueue) return { kind: "running", unattended: false };
  if (state !== undefined && state.kind !== "done") return { kind: "waiting" };

  if (result !== undefined && isSince(result.endedAt, state, 0)) {
    return { kind: "finished", result: judged(result, state) };
  }
  if (record !== undefined && isSince(record.startedAt, state, startSlackMs)) return { kind: "lost" };
  return { kind: "not-started", outcome: state?.outcome };
}

/** Whether a queue only takes an end for granted, and the job may run on: see `reconcile`. */
export function mayStillRun(state: TaskState): boolean {
  return state.kind === "done" && (state.outcome.kind === "killed" || state.outcome.kind === "errored");
}

/** A queue that limits memory itself, as Slurm does, knows why the worker was killed when its supervisor cannot. */
function judged(result: RunResult, state: (TaskState & { kind: "done" }) | undefined): RunResult {
  const isForMemory = state?.outcome.kind === "out-of-memory" && result.outcome === "signalled";
  return isForMemory ? { ...result, outcome: "out-of-memory" } : result;
}

/** A queue may note a task's start some time after the task's process is there. */
const startSlackMs = 1000;

/**
 * Whether a time is of the run that the queue speaks of, rather than of an earlier one under the same label. Both are of the host's
 * own clock. Of a task that the queue has forgotten there is only the last run.
 */
function isSince(time: string, state: (TaskState & { kind: "done" }) | undefined, slackMs: number): boolean {
  if (state === undefined) return true;
  return state.startedAt !== undefined && Date.parse(time) >= Date.parse(state.startedAt) - slackMs;
}
