import type { FleetHost } from "../config/index.ts";
import { Failure } from "../model/errors.ts";
import { readEvidence, type JobEvidence } from "../queue/evidence.ts";
import type { RunRecord } from "../queue/job-files.ts";
import { jobNameText, parseLabel, type JobLabel } from "../queue/label.ts";
import type { Ledger } from "../ledger/index.ts";
import type { QueueGroup, QueueTask } from "../queue/queue.ts";
import { mayStillRun, reconcile, type Whereabouts } from "../queue/reconcile.ts";
import { adviceOn, type Advice } from "./advice.ts";
import { memoryOf } from "./drain-word.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { standingHolds } from "./holds.ts";
import { drainOf, nothingRemembered, type Drain, type Hold, type HostMemory } from "./host-memory.ts";
import { readMeters, type MachineLoad } from "./host-meters.ts";
import { isLive } from "./live.ts";
import type { OpenHosts } from "./open-hosts.ts";
import { endedByStop } from "./stop-note.ts";
import type { WorkFile } from "./work-file.ts";

/** How a job stands, in one word; `stopped`: to make room, and it is queued again by itself when there is some. */
export type JobState = "waiting" | "running" | "stopped" | "done" | "partial" | "failed";

/** The newest attempt at a job that waits or runs, or else the one that ended last, from all that its host knows. */
export interface JobView {
  /** As a person types it: `BTCUSDT@250+500:2024`. */
  readonly job: string;
  readonly label: JobLabel;
  readonly task: QueueTask;
  readonly where: Whereabouts;
  readonly state: JobState;
  /** The processes of its last run, once its supervisor has begun. */
  readonly record: RunRecord | undefined;
  /** What the worker says of itself, once it has begun. */
  readonly work: WorkFile | undefined;
  /** Has a person cancelled this attempt, from whatever machine? */
  readonly isCancelled: boolean;
  /** Of a worker that runs. */
  readonly residentBytes: number | undefined;
  readonly advice: Advice;
}

/** Has it ended, and not well? */
export function isToBeTriedAgain({ state }: Pick<JobView, "state">): boolean {
  return state === "failed" || state === "partial" || state === "stopped";
}

export interface HostView {
  readonly entry: FleetHost;
  readonly groups: readonly QueueGroup[];
  readonly jobs: readonly JobView[];
  /** Tasks in the queue that are not barkeep's. */
  readonly foreignTasks: number;
  readonly machine: MachineLoad | undefined;
  /** By group: what barkeep itself holds there, and why. */
  readonly holds: ReadonlyMap<string, Hold>;
  /** Set where nothing is admitted to the host. */
  readonly drain: Drain | undefined;
}

/**
 * Puts together what a host's queue, processes and files say. Changes nothing.
 * @param ledger with what an operator has said of the host that it does not know yet
 * @throws UnavailableError HOST_MEMORY; what the queue and the host throw
 */
export async function viewHost(fleetHost: OpenFleetHost, ledger?: Ledger): Promise<HostView> {
  return viewWith(fleetHost, memoryOf(fleetHost, ledger));
}

/** A host with its jobs, and why what is drained, held and stopped there is not known: then none of it is said to be. */
export interface HostSight {
  readonly view: HostView;
  readonly failure: Failure | undefined;
}

/**
 * The same also where what is remembered of the host cannot be read: its jobs are there to be seen and ended.
 * @throws what the queue and the host throw
 */
export async function sightHost(fleetHost: OpenFleetHost, ledger?: Ledger): Promise<HostSight> {
  let failure: Failure | undefined;
  const remembered = memoryOf(fleetHost, ledger).catch((error: unknown) => {
    if (!(error instanceof Failure) || error.code !== "HOST_MEMORY") throw error;
    failure = error;
    return nothingRemembered;
  });
  const view = await viewWith(fleetHost, remembered);
  return { view, failure };
}

/** {@link sightHost} of several, together. Why something of one is not known is among their failures. */
export async function sightHosts(
  hosts: OpenHosts,
  ledger?: Ledger,
): Promise<Array<{ readonly fleetHost: OpenFleetHost; readonly view: HostView }>> {
  return hosts.each(async (fleetHost) => {
    const { view, failure } = await sightHost(fleetHost, ledger);
    if (failure !== undefined) hosts.failures.push({ host: fleetHost.entry.name, failure });
    return { fleetHost, view };
  });
}

/** Both are asked at the same time: a view shows, and whichever came first, the other might have changed before it is read. */
async function viewWith(fleetHost: OpenFleetHost, remembered: Promise<HostMemory>): Promise<HostView> {
  const { entry, host, queue } = fleetHost;
  const [memory, { tasks, groups }] = await Promise.all([remembered, queue.poll()]);
  const holds = standingHolds(memory, groups);
  const drain = drainOf(memory);
  const attempts = attemptsByJob(tasks);
  const begun = attempts.flat().filter(({ task }) => task.state.kind !== "queued" && task.state.kind !== "stashed");
  const labels = begun.map(({ task }) => task.label);
  const [evidence, meters] = await Promise.all([
    readEvidence(host, entry.directory, labels),
    readMeters(host, entry.directory, labels),
  ]);
  const alive = new Set(labels.filter((label) => evidence.get(label)?.isAlive === true));
  const jobs = attempts.flatMap((members): JobView[] => {
    const live = members.find(({ task }) => isLive(task, alive));
    const shown = live ?? lastToEnd(members, evidence);
    if (shown === undefined) return [];
    const { task, label } = shown;
    const seen = evidence.get(task.label) ?? nothingSeen;
    const where = reconcile(task.state, seen);
    const work = meters.work.get(task.label);
    const job = jobNameText(label);
    const group = groups.find(({ name }) => name === task.group);
    const hold = drainedOr(holds.get(task.group), drain);
    const note = meters.stops.get(task.label);
    const stop =
      note !== undefined && endedByStop(where, note) ? { note, isToGoOn: isToGoOn(task, memory) } : undefined;
    return [
      {
        job,
        label,
        task,
        where,
        state: stop?.isToGoOn === true ? "stopped" : stateOf(where, task),
        record: seen.record,
        work,
        isCancelled: meters.cancelled.has(task.label),
        residentBytes: where.kind === "running" ? seen.residentBytes : undefined,
        advice: adviceOn({ job, task, group, hold, stop, where, work, entry, queue: queue.kind }),
      },
    ];
  });
  const foreignTasks = tasks.filter(({ label }) => parseLabel(label) === undefined).length;
  return { entry, groups, jobs, foreignTasks, machine: meters.machine, holds, drain };
}

/** Is it going to be queued again without anybody's doing? */
function isToGoOn({ label, createdAt }: QueueTask, { stopped }: HostMemory): boolean {
  return stopped.some((one) => one.label === label && one.createdAt === createdAt);
}

/** Whatever a group was held for before: as long as the host is drained, that is the reason. */
function drainedOr(hold: Hold | undefined, drain: Drain | undefined): Hold | undefined {
  return hold === undefined || drain === undefined ? hold : { ...hold, why: "drained", reason: "the host is drained" };
}

const nothingSeen: JobEvidence = {
  record: undefined,
  result: undefined,
  isAlive: false,
  residentBytes: undefined,
  isScopeActive: false,
};

interface Attempt {
  readonly task: QueueTask;
  readonly label: JobLabel;
}

/** Of each job its newest attempt, and behind it those older ones that may still run. */
function attemptsByJob(tasks: readonly QueueTask[]): Attempt[][] {
  const jobs = new Map<string, Attempt[]>();
  for (const task of tasks) {
    const label = parseLabel(task.label);
    if (label === undefined) continue;
    const job = jobNameText(label);
    jobs.set(job, [...(jobs.get(job) ?? []), { task, label }]);
  }
  return [...jobs.values()].map((members) =>
    members.toSorted((a, b) => (isNewer(a, b) ? -1 : 1)).filter(({ task }, i) => i === 0 || mayStillRun(task.state)),
  );
}

/** One that outlived its queue's daemon may have ended after a newer one, which was refused because of it. */
function lastToEnd(members: readonly Attempt[], evidence: ReadonlyMap<string, JobEvidence>): Attempt | undefined {
  const endMs = ({ task: { label, state } }: Attempt): number =>
    Date.parse(evidence.get(label)?.result?.endedAt ?? (state.kind === "done" ? state.endedAt : ""));
  const [newest, ...older] = members;
  return older.find((one) => newest !== undefined && endMs(one) > endMs(newest)) ?? newest;
}

function isNewer(a: Attempt, b: Attempt): boolean {
  if (a.label.attempt !== b.label.attempt) return a.label.attempt > b.label.attempt;
  return a.task.createdAt > b.task.createdAt;
}

function stateOf(where: Whereabouts, task: QueueTask): JobState {
  switch (where.kind) {
    case "waiting":
    case "running":
      return where.kind;
    case "finished":
      if (where.result.outcome !== "exited") return "failed";
      if (where.result.exitCode === 0) return "done";
      return where.result.exitCode === 1 ? "partial" : "failed";
    case "not-started":
      return task.state.kind === "done" && task.state.outcome.kind === "success" ? "done" : "failed";
    case "lost":
      return "failed";
    default:
      return where satisfies never;
  }
}
