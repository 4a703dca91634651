import type { AttemptResult, Ledger } from "../ledger/index.ts";
import { readEvidence } from "../queue/evidence.ts";
import { jobNameText, parseLabel } from "../queue/label.ts";
import type { QueueTask } from "../queue/queue.ts";
import { reconcile, type Whereabouts } from "../queue/reconcile.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { readMeters } from "./host-meters.ts";
import { endedByStop, type StopNote } from "./stop-note.ts";
import type { WorkFile } from "./work-file.ts";

/** The code of an attempt that was stopped to make room. */
export const stoppedCode = "STOPPED";

/**
 * Reads back what the attempts on a host came to that have ended, and keeps it in the ledger: what they were measured at is what
 * later requests are learned from, and how they ended decides what follows. What is there already is not asked for again.
 * @param tasks of the host's queue
 * @throws what the host's connection throws
 */
export async function recordResults(
  { entry, host }: OpenFleetHost,
  tasks: readonly QueueTask[],
  ledger: Ledger,
): Promise<void> {
  const known = ledger.jobAttempts.endsOn(entry.name);
  const news = tasks.filter(({ label, state }) => {
    // It never began: there is nothing to be read.
    if (state.kind !== "done" || state.startedAt === undefined || parseLabel(label) === undefined) return false;
    return Date.parse(state.startedAt) > (known.get(label) ?? Number.NEGATIVE_INFINITY);
  });
  if (news.length === 0) return;
  const labels = news.map(({ label }) => label);
  const [evidence, { work, stops }] = await Promise.all([
    readEvidence(host, entry.directory, labels),
    readMeters(host, entry.directory, labels),
  ]);
  ledger.transaction(() => {
    for (const task of news) {
      const seen = evidence.get(task.label);
      const name = parseLabel(task.label);
      if (seen === undefined || name === undefined) continue;
      const result = resultOf(reconcile(task.state, seen), task, work.get(task.label), stops.get(task.label));
      if (result === undefined) continue;
      const { label, group } = task;
      ledger.jobAttempts.ended(
        { host: entry.name, label, job: jobNameText(name), group, attempt: name.attempt },
        result,
      );
    }
  });
}

/** undefined where it runs, waits, or was over before its supervisor began. */
function resultOf(
  where: Whereabouts,
  task: QueueTask,
  work: WorkFile | undefined,
  stop: StopNote | undefined,
): AttemptResult | undefined {
  const endedMs = task.state.kind === "done" ? Date.parse(task.state.endedAt) : 0;
  // What the worker of an earlier attempt left is under another label.
  const told = {
    code: endedByStop(where, stop) ? stoppedCode : (work?.failures.at(-1)?.code ?? null),
    trades: Number(work?.trades ?? 0),
    bars: work?.bars ?? null,
  };
  if (where.kind === "lost") return { ...unmeasured, ...told, outcome: "lost", ended_ms: endedMs };
  if (where.kind !== "finished") return undefined;
  const { result } = where;
  return {
    ...told,
    outcome: result.outcome,
    exit_code: result.exitCode ?? null,
    code: told.code ?? result.signal ?? null,
    limit_bytes: result.memoryMaxBytes ?? null,
    peak_bytes: result.memoryPeakBytes,
    resident_peak_bytes: result.residentPeakBytes,
    cpu_ms: result.cpuMs,
    duration_ms: result.durationMs,
    started_ms: Date.parse(result.startedAt),
    ended_ms: Date.parse(result.endedAt),
  };
}

const unmeasured = {
  exit_code: null,
  limit_bytes: null,
  peak_bytes: null,
  resident_peak_bytes: null,
  cpu_ms: null,
  duration_ms: null,
  started_ms: null,
} as const;
