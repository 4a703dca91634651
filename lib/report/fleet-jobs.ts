import { describeFailure } from "../datasets/range/listener.ts";
import type { CancelOutcome } from "../fleet/cancel.ts";
import type { HostFailure } from "../fleet/open-hosts.ts";
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
export function retryLines({ jobs, refused, resumed, failures }: RetryOutcome, isPlan: boolean): string[] {
  const table =
    jobs.length === 0
      ? []
      : textTable(
          [{ title: "job" }, { title: "host" }, { title: "memory", ...right }, { title: "state" }, { title: "why" }],
          jobs.map(({ job, host, memoryBytes, queued, why }) => [
            job,
            host,
            formatBytes(memoryBytes),
            queued?.enqueued.outcome ?? "planned",
            why,
          ]),
        );
  const done = isPlan ? "would start jobs again" : "starts jobs again";
  const lines = [
    ...table,
    ...refused.map(({ job, host, advice }) => `${job} on ${host}: not tried again, ${advice}`),
    ...resumed.map(({ host, group }) => `group ${group} of ${host} ${done}`),
    ...hostFailureLines(failures),
  ];
  return lines.length > 0 ? lines : ["nothing to do: no job has failed"];
}

/** The same as one document. */
export function retryDocument({ jobs, refused, resumed, failures }: RetryOutcome): Record<string, unknown> {
  return {
    jobs: jobs.map(({ job, host, why, memoryBytes, queued }) => ({
      job,
      host,
      why,
      memory_bytes: memoryBytes,
      state: queued?.enqueued.outcome ?? "planned",
      label: queued?.label ?? null,
    })),
    refused,
    resumed,
    failures: hostFailureFields(failures),
  };
}

export function retryExitCode({ refused, failures }: RetryOutcome): ExitCode {
  if (failures.length > 0) return worstExitCode(failures.map(({ failure }) => failure));
  return refused.length > 0 ? exitCodes.refused : exitCodes.ok;
}

/** The answer of `cancel`. */
export function cancelLines({ jobs, failures }: CancelOutcome, how: "stop" | "kill", isPlan: boolean): string[] {
  const verb = { stop: "stops after its current commit", kill: "killed" }[how];
  const lines = jobs.map(({ job, host, state }) => {
    const what = state === "running" ? verb : "taken out of the queue";
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
