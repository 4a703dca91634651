import type { Enqueuing, QueuedJob } from "../fleet/enqueue.ts";
import type { FleetPopulate, HostJob } from "../fleet/populate.ts";
import { describeFailure } from "../datasets/range/listener.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../model/exit-codes.ts";
import { jobNameText } from "../queue/label.ts";
import { hostFailureLines } from "./fleet-jobs.ts";
import { nothingToDo } from "./populate.ts";
import { formatBytes, formatCount, formatSeconds, textTable } from "./text-table.ts";

const right = { align: "right" } as const;

interface Row extends HostJob {
  readonly host: string;
  readonly queued: QueuedJob | undefined;
  /** Why it is not queued yet. */
  readonly held: string | undefined;
  readonly state: "planned" | "held" | "added" | "already";
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
            { title: "time", ...right },
            { title: "state" },
            { title: "memory's basis" },
          ],
          rows.map(({ host, job, memoryBytes, memory, seconds, state, queued }) => [
            jobNameText(job),
            host,
            job.group,
            formatBytes(job.archiveBytes),
            formatBytes(memoryBytes),
            formatSeconds(seconds),
            queued === undefined || queued.after.length === 0 ? state : `${state}, after ${queued.after.join(", ")}`,
            memory.reason,
          ]),
        );
  const held = rows.flatMap(({ job, held }) =>
    held === undefined ? [] : [`${jobNameText(job)}: not queued yet, ${held}; ask again when others are done`],
  );
  const lowered = outcome.hosts.flatMap(({ host, enqueuing }) => loweredLines(host, enqueuing?.lowered));
  const live = [...outcome.live].map(([unit, { host, state }]) => `${unit}: left alone, it is ${state} on ${host}`);
  const unplaced = outcome.unplaced.map(({ unit, reason, advice }) => `${unit}: not queued, ${reason}; ${advice}`);
  const failures = [...outcome.plan.failures.map(describeFailure), ...hostFailureLines(outcome.failures)];
  return [...table, ...held, ...lowered, ...live, ...unplaced, ...failures, ...summary(outcome, rows)];
}

/** Limits that were made smaller so that what runs at once fits into a host's memory. */
function loweredLines(host: string, lowered: Enqueuing["lowered"] = new Map()): string[] {
  return [...lowered].map(
    ([group, parallel]) =>
      `group ${group} of ${host} runs ${parallel} at a time now: more would not fit into its memory`,
  );
}

function summary(outcome: FleetPopulate, rows: readonly Row[]): string[] {
  if (rows.length > 0) {
    const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
    return [`${formatCount(rows.length)} jobs, about ${formatSeconds(seconds)} of work`];
  }
  const isIdle = outcome.live.size === 0 && outcome.unplaced.length === 0 && outcome.failures.length === 0;
  return isIdle && outcome.plan.failures.length === 0 ? nothingToDo(outcome.plan.holed) : [];
}

/** The same as one document. */
export function fleetPopulateDocument(outcome: FleetPopulate): Record<string, unknown> {
  return {
    plan: outcome.planId ?? null,
    jobs: rowsOf(outcome).map(({ host, job, memoryBytes, memory, seconds, queued, held, state }) => ({
      job: jobNameText(job),
      host,
      group: job.group,
      units: job.units.map(({ unit, from, to }) => ({ unit, from, to })),
      archive_bytes: job.archiveBytes,
      memory_bytes: memoryBytes,
      memory_basis: memory.basis,
      memory_reason: memory.reason,
      seconds,
      state,
      after: queued?.after ?? [],
      held: held ?? null,
      label: queued?.label ?? null,
      created_at: queued?.enqueued.task.createdAt ?? null,
    })),
    lowered: outcome.hosts.flatMap(({ host, enqueuing }) =>
      [...(enqueuing?.lowered ?? [])].map(([group, parallel]) => ({ host, group, parallel })),
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
  if (outcome.unplaced.length > 0) return exitCodes.refused;
  return rowsOf(outcome).some(({ state }) => state === "held") ? exitCodes.findings : exitCodes.ok;
}

function rowsOf({ hosts }: FleetPopulate): Row[] {
  return hosts.flatMap(({ host, jobs, enqueuing }) =>
    jobs.map((row) => {
      const queued = enqueuing?.queued.find(({ job }) => job === row.job);
      const held = enqueuing?.held.get(row.job);
      const state = queued?.enqueued.outcome ?? (held === undefined ? "planned" : "held");
      return { ...row, host, queued, held, state };
    }),
  );
}
