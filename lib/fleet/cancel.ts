import type { FleetHost, Settings } from "../config/index.ts";
import { openLedger } from "../ledger/index.ts";
import { signalRuns } from "../queue/signal-run.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { changeHostMemory } from "./host-memory.ts";
import { viewHost, type JobState, type JobView } from "./host-view.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";
import { refuseNothing, selectJobs } from "./select.ts";

export interface CancelRequest {
  readonly entries: readonly FleetHost[];
  readonly patterns: readonly string[];
  /** `stop` lets a worker end after its current commit. */
  readonly how: "stop" | "kill";
  readonly isPlan: boolean;
}

export interface CancelledJob {
  readonly job: string;
  readonly host: string;
  readonly label: string;
  readonly state: JobState;
}

export interface CancelOutcome {
  readonly jobs: readonly CancelledJob[];
  readonly failures: readonly HostFailure[];
}

/** Takes jobs out of their queues, ends those that run, and leaves those stopped that were to go on. What they have committed stays. */
export async function cancelJobs(
  { entries, patterns, how, isPlan }: CancelRequest,
  settings: Settings,
): Promise<CancelOutcome> {
  using ledger = openLedger(settings.stateDirectory);
  await using hosts = new OpenHosts(entries, settings.sshConfigFile);
  const views = await hosts.each(async (fleetHost) => ({ fleetHost, view: await viewHost(fleetHost) }));
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
    await hosts.try(fleetHost, async () => {
      if (!isPlan && jobs.length > 0) {
        ledger.transaction(() => {
          for (const {
            job,
            label: { attempt },
            task,
          } of jobs) {
            const { label, group } = task;
            ledger.journal.record("job.cancelling", job, { host, label, how });
            ledger.jobAttempts.cancelled({ host, label, job, group, attempt });
          }
        });
        await forgetStopped(fleetHost, jobs);
        await endJobs(
          fleetHost,
          jobs.filter(({ state }) => state !== "stopped"),
          how,
        );
      }
      cancelled.push(...jobs.map(({ job, task, state }) => ({ job, host, label: task.label, state })));
    });
  }
  return { jobs: cancelled, failures: hosts.failures };
}

/** It waits or runs, or is going to without anybody's doing. */
function isToCome({ state }: JobView): boolean {
  return state === "waiting" || state === "running" || state === "stopped";
}

/** What was stopped to make room, or is about to end because of that, is not queued again for a person who does not want it. */
async function forgetStopped(fleetHost: OpenFleetHost, jobs: readonly JobView[]): Promise<void> {
  const names = new Set(jobs.map(({ job }) => job));
  await changeHostMemory(fleetHost, (memory) => ({
    ...memory,
    stopped: memory.stopped.filter(({ job }) => !names.has(job)),
  }));
}

function isUnattended({ where }: JobView): boolean {
  return where.kind === "running" && where.unattended;
}

/** A queue cannot end what it has lost sight of; the host can. */
async function endJobs({ host, queue }: OpenFleetHost, jobs: readonly JobView[], how: "stop" | "kill"): Promise<void> {
  await queue.cancel(
    jobs.filter((job) => !isUnattended(job)).map(({ task }) => task),
    how,
  );
  await signalRuns(
    host,
    jobs.filter(isUnattended).flatMap(({ record }) => record ?? []),
    how,
  );
}
