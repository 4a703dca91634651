import { describeFailure } from "../datasets/range/listener.ts";
import type { ScaledHost } from "../fleet/scale/scale-host.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../model/exit-codes.ts";
import { decisionDocument, decisionLine, explainDecision } from "../plan/scaler/explain.ts";

/** What `autoscale` says of a host: one line, or with `isExplained` all that led to it. */
export function scaledHostLines({ decision, requeued, failure, notes }: ScaledHost, isExplained: boolean): string[] {
  return [
    ...(isExplained ? explainDecision(decision) : [decisionLine(decision)]),
    ...notes,
    ...requeued.jobs.map((job) => `${decision.host}: ${job} is queued again, in its place`),
    ...requeued.left.map(({ job, reason }) => `${decision.host}: ${job} is not queued again: ${reason}`),
    ...(failure === undefined ? [] : [`${decision.host}: ${describeFailure(failure)}`]),
  ];
}

/** The answer as one document. */
export function autoscaleDocument(hosts: readonly ScaledHost[], isApplied: boolean): Record<string, unknown> {
  return {
    applied: isApplied,
    decisions: hosts.map(({ decision, requeued, notes }) => ({
      ...decisionDocument(decision),
      requeued: requeued.jobs,
      not_requeued: requeued.left,
      notes,
    })),
    failures: hosts.flatMap(({ decision, failure }) =>
      failure === undefined
        ? []
        : [{ host: decision.host, code: failure.code, message: failure.message, hint: failure.hint }],
    ),
  };
}

/** A host about which nothing could be decided is never clean. */
export function autoscaleExitCode(hosts: readonly ScaledHost[]): ExitCode {
  const failures = hosts.flatMap(({ failure }) => failure ?? []);
  if (failures.length > 0) return worstExitCode(failures);
  return hosts.some(({ decision }) => decision.verdict === "none") ? exitCodes.unavailable : exitCodes.ok;
}
