import type { FleetHost, Settings } from "../config/index.ts";
import { openLedger, type Ledger } from "../ledger/index.ts";
import { Failure, UnavailableError } from "../model/errors.ts";
import { identityKey } from "../queue/identity-key.ts";
import { jobNameText, parseLabel } from "../queue/label.ts";
import type { QueueTask } from "../queue/queue.ts";
import { signalRuns } from "../queue/signal-run.ts";
import { leaveCancelNotes, type CancelNote } from "./cancel-note.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { changeHostMemory } from "./host-memory.ts";
import { sightHosts, type JobState, type JobView } from "./host-view.ts";
import { isInHand } from "./live.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";
import { refuseNothing, selectJobs } from "./select.ts";

export interface CancelRequest {
  readonly entries: readonly FleetHost[];
  readonly patterns: readonly string[];
  /** `stop` lets a worker end after its current commit. */
  readonly how: "stop" | "kill";
  readonly isPlan: boolean;
}

/**
 * What became of a job. `stopping`: it ends after its current commit; `left`: it was stopped before, and is not queued again; `not
 * reached`: nothing of it ran when its turn came, as where it had just ended by itself; `awaited`: it still waits, for its queue takes none
 * out that others come after.
 */
export type Cancellation = "taken out" | "stopping" | "killed" | "left" | "not reached" | "awaited";

export interface CancelledJob {
  readonly job: string;
  readonly host: string;
  readonly label: string;
  /** Before. */
  readonly state: JobState;
  /** What would become of it where this is a plan. */
  readonly became: Cancellation;
}

export interface CancelOutcome {
  readonly jobs: readonly CancelledJob[];
  readonly failures: readonly HostFailure[];
}

/** An attempt that is to be ended. */
type Ending = Pick<JobView, "job" | "label" | "task" | "state" | "where" | "record">;

/**
 * Takes jobs out of their queues, ends those that run, and leaves those stopped that were to go on. What they have committed stays. An
 * attempt that the autoscaler queues meanwhile is ended too: it looks for the note once it has queued, and here the queue is looked at once
 * the note is there, so one of the two sees the other.
 */
export async function cancelJobs(
  { entries, patterns, how, isPlan }: CancelRequest,
  settings: Settings,
): Promise<CancelOutcome> {
  using ledger = openLedger(settings.stateDirectory);
  await using hosts = new OpenHosts(entries, settings.sshConfigFile);
  const views = await sightHosts(hosts);
  const live = views.map(({ fleetHost, view }) => ({
    fleetHost,
    jobs: selectJobs(view.jobs, patterns).filter(isToCome),
  }));
  const there = views.flatMap(({ view }) => view.jobs.filter(isToCome));
  if (hosts.failures.length === 0) {
    const found = live.reduce((sum, { jobs }) => sum + jobs.length, 0);
    refuseNothing(
      found,
      patterns,
      there.map(({ job }) => job),
    );
  }
  const cancelled: CancelledJob[] = [];
  for (const { fleetHost, jobs } of live) {
    const host = fleetHost.entry.name;
    if (isPlan) {
      cancelled.push(...jobs.map((view) => cancelledJob(view, host, expected(view, how))));
      continue;
    }
    await hosts.try(fleetHost, async () => {
      const ended: Ending[] = [];
      for (let ending: readonly Ending[] = jobs; ending.length > 0;) {
        noteInLedger(ledger, ending, host, how);
        const at = new Date(ledger.clock.wallMs()).toISOString();
        const failure = await tellUnwanted(fleetHost, ending, { version: 1, how, at });
        if (failure !== undefined) hosts.failures.push({ host, failure });
        const { became, tasks } = await endJobs(fleetHost, ending, how);
        cancelled.push(...ending.map((one) => cancelledJob(one, host, became.get(one.task.label) ?? "not reached")));
        ended.push(...ending);
        ending = queuedMeanwhile(tasks, ended);
      }
    });
  }
  return { jobs: cancelled, failures: hosts.failures };
}

function cancelledJob({ job, task: { label }, state }: Ending, host: string, became: Cancellation): CancelledJob {
  return { job, host, label, state, became };
}

function noteInLedger(ledger: Ledger, jobs: readonly Ending[], host: string, how: "stop" | "kill"): void {
  ledger.transaction(() => {
    for (const { job, label, task } of jobs) {
      ledger.journal.record("job.cancelling", job, { host, label: task.label, how });
      ledger.jobAttempts.cancelled({ host, label: task.label, job, group: task.group, attempt: label.attempt });
    }
  });
}

/** Attempts at jobs that came into the queue while these were being ended. */
function queuedMeanwhile(tasks: readonly QueueTask[], ended: readonly Ending[]): Ending[] {
  const jobs = new Set(ended.map(({ job }) => job));
  const known = new Set(ended.map(({ task }) => identityKey(task)));
  return tasks.flatMap((task) => {
    const label = parseLabel(task.label);
    const job = label === undefined ? undefined : jobNameText(label);
    if (label === undefined || job === undefined || !jobs.has(job)) return [];
    if (task.state.kind === "done" || known.has(identityKey(task))) return [];
    const where = isInHand(task) ? ({ kind: "running", unattended: false } as const) : ({ kind: "waiting" } as const);
    return [{ job, label, task, state: where.kind, where, record: undefined }];
  });
}

/** It waits or runs, or is going to without anybody's doing. */
function isToCome({ state }: JobView): boolean {
  return state === "waiting" || state === "running" || state === "stopped";
}

/**
 * Keeps on the host that jobs are not wanted. Where it cannot be kept they are ended all the same: that is what a person asks for first.
 * @returns why not
 */
async function tellUnwanted(
  fleetHost: OpenFleetHost,
  jobs: readonly Ending[],
  note: CancelNote,
): Promise<Failure | undefined> {
  try {
    const labels = jobs.map(({ task }) => task.label);
    await leaveCancelNotes(fleetHost, labels, note);
    await forgetStopped(fleetHost, jobs);
    return undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, hint, message } = error;
    return new UnavailableError(
      `the jobs were to be ended all the same, but one that was stopped to make room may be queued again: ${message}`,
      { code, subject: fleetHost.entry.name, ...(hint === undefined ? {} : { hint }), cause: error },
    );
  }
}

/** What was stopped to make room, or is about to end because of that, is not queued again for a person who does not want it. */
async function forgetStopped(fleetHost: OpenFleetHost, jobs: readonly Ending[]): Promise<void> {
  const names = new Set(jobs.map(({ job }) => job));
  await changeHostMemory(fleetHost, (memory) => ({
    ...memory,
    stopped: memory.stopped.filter(({ job }) => !names.has(job)),
  }));
}

function isUnattended({ where }: Ending): boolean {
  return where.kind === "running" && where.unattended;
}

/** What is to become of a job by how it stands. */
function expected({ state }: Ending, how: "stop" | "kill"): Cancellation {
  if (state === "stopped") return "left";
  return state === "waiting" ? "taken out" : endOf(how);
}

function endOf(how: "stop" | "kill"): Cancellation {
  return how === "stop" ? "stopping" : "killed";
}

interface Ended {
  /** By label. */
  readonly became: ReadonlyMap<string, Cancellation>;
  /** What the queue has now. */
  readonly tasks: readonly QueueTask[];
}

/** A queue cannot end what it has lost sight of; the host can. */
async function endJobs({ host, queue }: OpenFleetHost, jobs: readonly Ending[], how: "stop" | "kill"): Promise<Ended> {
  const live = jobs.filter(({ state }) => state !== "stopped");
  const found = await queue.cancel(
    live.filter((job) => !isUnattended(job)).map(({ task }) => task),
    how,
  );
  const records = live.filter(isUnattended).flatMap(({ record }) => record ?? []);
  const signalled = await signalRuns(host, records, how);
  const reached = new Set([...found, ...signalled].map(({ label }) => label));
  // One that was waiting may have begun before it was reached.
  const { tasks } = await queue.poll();
  const after = new Map(tasks.map((task) => [identityKey(task), task]));
  const became = jobs.map((view): [string, Cancellation] => {
    const { task, state } = view;
    if (state === "stopped") return [task.label, expected(view, how)];
    const now = after.get(identityKey(task));
    if (reached.has(task.label)) return [task.label, hasBegun(now) ? endOf(how) : expected(view, how)];
    return [task.label, now === undefined || now.state.kind === "done" ? "not reached" : "awaited"];
  });
  return { became: new Map(became), tasks };
}

function hasBegun(task: QueueTask | undefined): boolean {
  if (task === undefined) return false;
  return task.state.kind === "done" ? task.state.startedAt !== undefined : isInHand(task);
}
