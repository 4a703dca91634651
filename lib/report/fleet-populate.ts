import type { FleetJob } from "../fleet/jobs.ts";
import { memoryRequest } from "../fleet/placement.ts";
import type { FleetPopulate } from "../fleet/populate.ts";
import { describeFailure } from "../datasets/range/listener.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../model/exit-codes.ts";
import { jobNameText } from "../queue/label.ts";
import { hostFailureLines } from "./fleet-jobs.ts";
import { formatBytes, formatCount, formatSeconds, textTable } from "./text-table.ts";

const right = { align: "right" } as const;

interface Row {
  readonly host: string;
  readonly job: FleetJob;
  readonly state: string;
}

/** The answer of `populate --host`. */
export function fleetPopulateLines(outcome: FleetPopulate): string[] {
  const rows = rowsOf(outcome);
  const table =
    rows.length === 0
      ? []
      : textTable(
          [
            { title: "job" },
            { title: "host" },
            { title: "group" },
            { title: "archives", ...right },
            { title: "memory", ...right },
            { title: "state" },
          ],
          rows.map(({ host, job, state }) => [
            jobNameText(job),
            host,
            job.group,
            formatBytes(job.archiveBytes),
            formatBytes(memoryRequest(job)),
            state,
          ]),
        );
  const live = [...outcome.live].map(([unit, { host, state }]) => `${unit}: left alone, it is ${state} on ${host}`);
  const unplaced = outcome.unplaced.map(({ unit, reason, advice }) => `${unit}: not queued, ${reason}; ${advice}`);
  const failures = [...outcome.plan.failures.map(describeFailure), ...hostFailureLines(outcome.failures)];
  return [...table, ...live, ...unplaced, ...failures, ...summary(outcome, rows)];
}

function summary(outcome: FleetPopulate, rows: readonly Row[]): string[] {
  if (rows.length > 0) {
    const seconds = rows.reduce((sum, { job }) => sum + job.seconds, 0);
    return [`${formatCount(rows.length)} jobs, about ${formatSeconds(seconds)} of work`];
  }
  const isIdle = outcome.live.size === 0 && outcome.unplaced.length === 0 && outcome.failures.length === 0;
  return isIdle && outcome.plan.failures.length === 0 ? ["nothing to do: every day asked for is built"] : [];
}

/** The same as one document. */
export function fleetPopulateDocument(outcome: FleetPopulate): Record<string, unknown> {
  return {
    plan: outcome.planId ?? null,
    jobs: outcome.hosts.flatMap(({ host, jobs, queued }) =>
      jobs.map((job) => {
        const one = queued?.find((each) => each.job === job);
        return {
          job: jobNameText(job),
          host,
          group: job.group,
          units: job.units.map(({ unit, from, to }) => ({ unit, from, to })),
          archive_bytes: job.archiveBytes,
          memory_bytes: one?.memoryBytes ?? memoryRequest(job),
          seconds: job.seconds,
          state: one?.enqueued.outcome ?? "planned",
          label: one?.label ?? null,
          created_at: one?.enqueued.task.createdAt ?? null,
        };
      }),
    ),
    live: [...outcome.live].map(([unit, { host, task }]) => ({
      unit,
      host,
      label: task.label,
      state: task.state.kind,
    })),
    not_queued: outcome.unplaced,
    failures: [
      ...outcome.plan.failures.map(({ code, message, hint }) => ({ host: null, code, message, hint })),
      ...outcome.failures.map(({ host, failure: { code, message, hint } }) => ({ host, code, message, hint })),
    ],
  };
}

/** What the command ends with: queued is enough, what the jobs come to shows later. */
export function fleetPopulateExitCode(outcome: FleetPopulate): ExitCode {
  const failures = [...outcome.plan.failures, ...outcome.failures.map(({ failure }) => failure)];
  if (failures.length > 0) return worstExitCode(failures);
  return outcome.unplaced.length > 0 ? exitCodes.refused : exitCodes.ok;
}

function rowsOf({ hosts }: FleetPopulate): Row[] {
  return hosts.flatMap(({ host, jobs, queued }) =>
    jobs.map((job) => {
      const one = queued?.find((each) => each.job === job);
      return { host, job, state: one === undefined ? "planned" : one.enqueued.outcome };
    }),
  );
}
