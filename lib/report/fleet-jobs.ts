import { describeFailure } from "../datasets/range/listener.ts";
import type { CancelOutcome } from "../fleet/cancel.ts";
import type { JobState } from "../fleet/host-view.ts";
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

/** The answer of `cancel`. */
export function cancelLines({ jobs, failures }: CancelOutcome, how: "stop" | "kill", isPlan: boolean): string[] {
  const verb = { stop: "stops after its current commit", kill: "killed" }[how];
  const whatFor: Partial<Record<JobState, string>> = {
    waiting: "taken out of the queue",
    stopped: "stays stopped, and is not queued again",
  };
  const lines = jobs.map(({ job, host, state }) => {
    const what = whatFor[state] ?? verb;
    return `${job} on ${host}: ${isPlan ? "would be: " : ""}${what}`;
  });
  const all = [...lines, ...hostFailureLines(failures)];
  return all.length > 0 ? all : ["nothing to do: no such job waits or runs"];
}

/** The same as one document. */
export function cancelDocument({ jobs, failures }: CancelOutcome, isPlan: boolean): Record<string, unknown> {
  return {
    jobs: jobs.map(({ job, host, label, state }) => ({ job, host, label, was: state, cancelled: !isPlan })),
    failures: hostFailureFields(failures),
  };
}
