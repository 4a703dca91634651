import type { HostView, JobView } from "../fleet/host-view.ts";
import type { HostFailure } from "../fleet/open-hosts.ts";
import { groupOutlook } from "../fleet/outlook.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../model/exit-codes.ts";
import { hostFailureLines } from "./fleet-jobs.ts";
import { formatBytes, formatCount, formatSeconds, textTable } from "./text-table.ts";

const right = { align: "right" } as const;

/** The answer of `status --host`: each host with its groups, what runs, and what somebody should look at. */
export function fleetStatusLines(views: readonly HostView[], failures: readonly HostFailure[]): string[] {
  const lines = views.flatMap((view, i) => [...(i === 0 ? [] : [""]), ...hostLines(view, isHeldKnown(view, failures))]);
  return [...lines, ...hostFailureLines(failures)];
}

/** A host that is shown and has failed did not say what is drained, held and stopped there. */
function isHeldKnown({ entry }: HostView, failures: readonly HostFailure[]): boolean {
  return failures.every(({ host }) => host !== entry.name);
}

function hostLines(view: HostView, isKnown: boolean): string[] {
  const { entry, jobs, machine, foreignTasks } = view;
  const load =
    machine === undefined
      ? "its load cannot be read"
      : `load ${machine.load.toFixed(1)} on ${machine.cores} cores, ${formatBytes(machine.availableBytes)} of ${formatBytes(machine.memoryBytes)} free`;
  const head = `${entry.name} (${entry.queue}): ${load}; jobs may use ${formatBytes(entry.memoryMb * 1e6)}`;
  const counts = countsOf(jobs);
  const foreign = foreignTasks === 0 ? "" : `, ${formatCount(foreignTasks)} tasks of others`;
  const drained =
    view.drain === undefined
      ? []
      : [
          `drained since ${view.drain.since}: nothing is admitted, what runs ends; barkeep undrain ${entry.name} opens it again`,
        ];
  const unknown = isKnown ? [] : ["what is drained, held and stopped there is not known"];
  return [
    head,
    ...unknown,
    ...drained,
    counts + foreign,
    ...groupLines(view),
    ...runningLines(jobs),
    ...adviceLines(jobs),
  ];
}

function countsOf(jobs: readonly JobView[]): string {
  if (jobs.length === 0) return "no jobs of barkeep's";
  const states = ["running", "waiting", "stopped", "done", "partial", "failed"] as const;
  return states
    .map((state) => ({ state, count: jobs.filter((job) => job.state === state).length }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${formatCount(count)} ${state}`)
    .join(", ");
}

function groupLines({ groups, jobs, holds }: HostView): string[] {
  const used = groups.filter(({ name }) => jobs.some(({ task }) => task.group === name && task.state.kind !== "done"));
  if (used.length === 0) return [];
  return textTable(
    [
      { title: "group" },
      { title: "state" },
      { title: "running", ...right },
      { title: "waiting", ...right },
      { title: "at a time", ...right },
      { title: "left", ...right },
    ],
    used.map((group) => {
      const ofGroup = jobs.filter(({ task }) => task.group === group.name);
      const { running, waiting, secondsLeft } = groupOutlook(group, ofGroup);
      return [
        group.name,
        holds.has(group.name) ? "held" : group.status,
        formatCount(running),
        formatCount(waiting),
        String(group.parallel),
        secondsLeft === undefined ? "unknown" : `about ${formatSeconds(secondsLeft)}`,
      ];
    }),
  );
}

function runningLines(jobs: readonly JobView[]): string[] {
  const running = jobs.filter(({ state }) => state === "running");
  if (running.length === 0) return [];
  return textTable(
    [
      { title: "job" },
      { title: "group" },
      { title: "attempt", ...right },
      { title: "days", ...right },
      { title: "trades/s", ...right },
      { title: "resident", ...right },
      { title: "left", ...right },
    ],
    running.map(({ job, task, label, work, residentBytes }) => [
      job,
      task.group,
      String(label.attempt),
      work === undefined ? "" : `${work.days_done}/${work.days_total}`,
      work === undefined ? "" : formatCount(rateOf(work)),
      residentBytes === undefined ? "" : formatBytes(residentBytes),
      secondsLeftText(work),
    ]),
  );
}

/** What somebody may want to do something about. */
function adviceLines(jobs: readonly JobView[]): string[] {
  const failed = jobs.filter(({ state }) => state === "failed" || state === "partial");
  const stuck = jobs.filter(({ state, advice }) => (state === "waiting" || state === "running") && advice.fix);
  const stopped = jobs.filter(({ state }) => state === "stopped");
  // All that wait in a paused group are told once.
  const groups = Map.groupBy(stuck, ({ advice }) => advice.fix ?? "");
  return [
    ...[...groups].flatMap(([fix, [first, ...more]]) =>
      first === undefined ? [] : adviceOf(first, more.length === 0 ? "" : ` and ${more.length} more`, fix),
    ),
    ...[...stopped, ...failed].flatMap((job) => adviceOf(job, "", job.advice.fix)),
  ];
}

function adviceOf({ job, advice }: JobView, more: string, fix: string | undefined): string[] {
  return [`${job}${more}: ${advice.text}`, ...(fix === undefined ? [] : [`  what to do: ${fix}`])];
}

function rateOf({ trades, elapsed_ms: elapsedMs }: NonNullable<JobView["work"]>): number {
  return Math.round(Number(trades) / Math.max(elapsedMs / 1000, 0.001));
}

function secondsLeftText(work: JobView["work"]): string {
  if (work === undefined || work.days_done === 0) return "";
  const perDay = work.elapsed_ms / 1000 / work.days_done;
  return formatSeconds(perDay * (work.days_total - work.days_done));
}

/** The same as one document. */
export function fleetStatusDocument(
  views: readonly HostView[],
  failures: readonly HostFailure[],
): Record<string, unknown> {
  return {
    hosts: views.map((view) => hostDocument(view, isHeldKnown(view, failures))),
    failures: failures.map(({ host, failure: { code, message, hint } }) => ({ host, code, message, hint })),
  };
}

function hostDocument(
  { entry, groups, jobs, machine, foreignTasks, holds, drain }: HostView,
  isKnown: boolean,
): Record<string, unknown> {
  return {
    host: entry.name,
    queue: entry.queue,
    memory_mb: entry.memoryMb,
    jobs_max: entry.jobsMax,
    cores: machine?.cores ?? null,
    load: machine?.load ?? null,
    memory_bytes: machine?.memoryBytes ?? null,
    available_bytes: machine?.availableBytes ?? null,
    other_tasks: foreignTasks,
    drained_since: drain?.since ?? null,
    held_known: isKnown,
    groups: groups.map((group) => {
      const outlook = groupOutlook(
        group,
        jobs.filter(({ task }) => task.group === group.name),
      );
      return {
        group: group.name,
        status: group.status,
        held: holds.get(group.name)?.why ?? null,
        held_reason: holds.get(group.name)?.reason ?? null,
        parallel: group.parallel,
        running: outlook.running,
        waiting: outlook.waiting,
        seconds_left: outlook.secondsLeft ?? null,
      };
    }),
    jobs: jobs.map(jobDocument),
  };
}

function jobDocument({ job, label, task, state, work, residentBytes, advice }: JobView): Record<string, unknown> {
  return {
    job,
    group: task.group,
    attempt: label.attempt,
    label: task.label,
    created_at: task.createdAt,
    queue_state: task.state.kind,
    state,
    days_done: work?.days_done ?? null,
    days_total: work?.days_total ?? null,
    trades_per_second: work === undefined ? null : rateOf(work),
    resident_bytes: residentBytes ?? null,
    exit_code: work?.exit_code ?? null,
    code: work?.failures.at(-1)?.code ?? null,
    text: advice.text,
    fix: advice.fix ?? null,
  };
}

/** Failed jobs are findings; a host that could not be asked is worse. */
export function fleetStatusExitCode(views: readonly HostView[], failures: readonly HostFailure[]): ExitCode {
  if (failures.length > 0) return worstExitCode(failures.map(({ failure }) => failure));
  const isClean = views.every(({ jobs }) => jobs.every(({ state }) => state !== "failed" && state !== "partial"));
  return isClean ? exitCodes.ok : exitCodes.findings;
}
