import { describeFailure } from "../datasets/range/listener.ts";
import type { Cancellation, CancelOutcome } from "../fleet/cancel.ts";
import type { HostFailure } from "../fleet/open-hosts.ts";
import type { RetriedJob } from "../fleet/queue-again.ts";
import type { RetryOutcome } from "../fleet/retry.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../model/exit-codes.ts";
import { formatBytes, textTable } from "./text-table.ts";

const right = { align: "right" } as const;

/** What hosts said instead of an answer. */
export function hostFailureLines(failures: readonly HostFailure[]): string[] {
  return failures.map(({ host, failure }) => {
    const text = describeFailure(failure);
    return failure.subject === host ? text : `${host}: ${text}`;
  });
}

/** The same for a document. */
export function hostFailureFields(failures: readonly HostFailure[]): Record<string, unknown>[] {
  return failures.map(({ host, failure: { code, message, hint } }) => ({ host, code, message, hint }));
}

/** The answer of `retry`. */
export function retryLines({ jobs, left, aborted, resumed, failures }: RetryOutcome, isPlan: boolean): string[] {
  const table =
    jobs.length === 0
      ? []
      : textTable(
          [
            { title: "job" },
            { title: "host" },
            { title: "memory", ...right },
            { title: "state" },
            { title: "memory's basis" },
            { title: "why" },
          ],
          jobs.map((job) => [
            job.job,
            job.host,
            formatBytes(job.memoryBytes),
            stateOf(job),
            job.memory.reason,
            job.held === undefined ? job.why : `${job.why}; ${job.held}`,
          ]),
        );
  const done = isPlan ? "would start jobs again" : "starts jobs again";
  const lines = [
    ...(aborted === undefined ? [] : [`nothing is queued: ${aborted}`]),
    ...table,
    ...left.map(({ job, host, kind, reason, advice }) => `${job} on ${host}: ${kind}, ${reason}; ${advice}`),
    ...resumed.map(({ host, group }) => `group ${group} of ${host} ${done}`),
    ...hostFailureLines(failures),
  ];
  return lines.length > 0 ? lines : ["nothing to do: no job has failed"];
}

function stateOf({ queued, held }: RetriedJob): string {
  return queued?.enqueued.outcome ?? (held === undefined ? "planned" : "held");
}

/** The same as one document. */
export function retryDocument({ jobs, left, aborted, resumed, failures }: RetryOutcome): Record<string, unknown> {
  return {
    jobs: jobs.map((job) => ({
      job: job.job,
      host: job.host,
      why: job.why,
      memory_bytes: job.memoryBytes,
      memory_basis: job.memory.basis,
      memory_reason: job.memory.reason,
      state: stateOf(job),
      held: job.held ?? null,
      label: job.queued?.label ?? null,
    })),
    left,
    aborted: aborted ?? null,
    resumed,
    failures: hostFailureFields(failures),
  };
}

export function retryExitCode({ jobs, left, aborted, failures }: RetryOutcome): ExitCode {
  if (failures.length > 0) return worstExitCode(failures.map(({ failure }) => failure));
  if (aborted !== undefined || left.some(({ kind }) => kind === "quarantined")) return exitCodes.refused;
  return jobs.some(({ held }) => held !== undefined) ? exitCodes.findings : exitCodes.ok;
}

const cancellations: Readonly<Record<Cancellation, string>> = {
  "taken out": "taken out of the queue",
  stopping: "stops after its current commit",
  killed: "killed",
  left: "stays stopped, and is not queued again",
  "not reached": "nothing of it was found running any more",
  awaited: "still waits: other jobs come after it, and would begin without it; cancel those too",
};

/** The answer of `cancel`. */
export function cancelLines({ jobs, failures }: CancelOutcome, isPlan: boolean): string[] {
  const lines = jobs.map(
    ({ job, host, became }) => `${job} on ${host}: ${isPlan ? "would be: " : ""}${cancellations[became]}`,
  );
  const all = [...lines, ...hostFailureLines(failures)];
  return all.length > 0 ? all : ["nothing to do: no such job waits or runs"];
}

export function cancelExitCode({ jobs, failures }: CancelOutcome): ExitCode {
  if (failures.length > 0) return worstExitCode(failures.map(({ failure }) => failure));
  return jobs.some(({ became }) => became === "awaited") ? exitCodes.refused : exitCodes.ok;
}

/** The same as one document. */
export function cancelDocument({ jobs, failures }: CancelOutcome, isPlan: boolean): Record<string, unknown> {
  return {
    jobs: jobs.map(({ job, host, label, state, became }) => {
      return {
        job,
        host,
        label,
        was: state,
        cancelled: !isPlan && became !== "not reached" && became !== "awaited",
        became: isPlan ? null : became,
      };
    }),
    failures: hostFailureFields(failures),
  };
}
