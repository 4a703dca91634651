import type { FleetHost, ProcessEnvironment, Settings } from "../config/index.ts";
import { firstMemoryGuess } from "../datasets/range/estimate.ts";
import { openLedger, type Ledger } from "../ledger/index.ts";
import { escalate } from "../queue/escalate.ts";
import { enqueueJobs, type JobRequest, type QueuedJob } from "./enqueue.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { viewHost, type JobView } from "./host-view.ts";
import { lookAt } from "./look.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";
import { hostLimitBytes, memoryRequest } from "./placement.ts";
import { readQueuedJobs } from "./queued-jobs.ts";
import { resumeGroups } from "./setup-groups.ts";
import { refuseNothing, selectJobs } from "./select.ts";
import { quarantineOf } from "./advice.ts";

export interface RetryRequest {
  readonly entries: readonly FleetHost[];
  /** Which jobs; all that failed where there is none. */
  readonly patterns: readonly string[];
  /** Let paused groups start jobs again, too. */
  readonly resumes: boolean;
  readonly isPlan: boolean;
}

export interface RetriedJob {
  readonly job: string;
  readonly host: string;
  /** Why it was to be tried again. */
  readonly why: string;
  readonly memoryBytes: number;
  /** What the queue said; undefined for a plan. */
  readonly queued: QueuedJob | undefined;
}

export interface RetryOutcome {
  readonly jobs: readonly RetriedJob[];
  /** Jobs that another attempt cannot help. */
  readonly refused: readonly { readonly job: string; readonly host: string; readonly advice: string }[];
  readonly resumed: readonly { readonly host: string; readonly group: string }[];
  readonly failures: readonly HostFailure[];
}

/**
 * Queues jobs anew that did not end well: the same days, from the last commit on, with the store's address of now. One that was killed
 * for memory gets more, up to what its host has. One that waits or runs is left alone. Never a rebuild.
 */
export async function retryJobs(
  { entries, patterns, resumes, isPlan }: RetryRequest,
  settings: Settings,
  env: ProcessEnvironment,
): Promise<RetryOutcome> {
  using ledger = openLedger(settings.stateDirectory);
  await using hosts = new OpenHosts(entries, settings.sshConfigFile);
  const views = await hosts.each(async (fleetHost) => ({ fleetHost, view: await viewHost(fleetHost) }));
  const selected = views.map(({ fleetHost, view }) => ({ fleetHost, jobs: selectJobs(view.jobs, patterns) }));
  const there = views.flatMap(({ view }) => view.jobs.map(({ job }) => job));
  if (hosts.failures.length === 0) {
    refuseNothing(
      selected.reduce((sum, { jobs }) => sum + jobs.length, 0),
      patterns,
      there,
    );
  }
  const jobs: RetriedJob[] = [];
  const refused: RetryOutcome["refused"][number][] = [];
  const resumed: RetryOutcome["resumed"][number][] = [];
  for (const { fleetHost, jobs: chosen } of selected) {
    const host = fleetHost.entry.name;
    await hosts.try(fleetHost, async () => {
      const ended = chosen.filter(({ state }) => state === "failed" || state === "partial");
      for (const one of ended) {
        const advice = quarantineOf(one.where, fleetHost.entry);
        if (advice !== undefined) refused.push({ job: one.job, host, advice });
      }
      const again = ended.filter(({ where }) => quarantineOf(where, fleetHost.entry) === undefined);
      const isDeclined = env["RANGEBAR_NO_CGROUP"] === "1";
      jobs.push(...(await retryOn(fleetHost, again, isDeclined, isPlan, settings, ledger)));
      if (!resumes) return;
      const groups = await resumeGroups(fleetHost, [], ledger, isPlan);
      resumed.push(...groups.map((group) => ({ host, group })));
    });
  }
  return { jobs, refused, resumed, failures: hosts.failures };
}

async function retryOn(
  fleetHost: OpenFleetHost,
  views: readonly JobView[],
  isGuardDeclined: boolean,
  isPlan: boolean,
  settings: Settings,
  ledger: Ledger,
): Promise<RetriedJob[]> {
  if (views.length === 0) return [];
  const known = await readQueuedJobs(fleetHost, views);
  const requests = known.map(({ view, job }) => ({
    view,
    request: { job, memoryBytes: memoryFor(view, fleetHost.entry) },
  }));
  const queued = isPlan
    ? []
    : await enqueueJobs(
        await lookAt(fleetHost, isGuardDeclined),
        requests.map(({ request }) => request),
        settings,
        ledger,
      );
  return requests.map(({ view, request }) => ({
    job: view.job,
    host: fleetHost.entry.name,
    why: view.advice.text,
    memoryBytes: request.memoryBytes,
    queued: queued.find(({ job }) => job === request.job),
  }));
}

/** One size up after a kill for memory, else what it had. */
function memoryFor({ where }: JobView, entry: FleetHost): JobRequest["memoryBytes"] {
  const guess = memoryRequest({ memoryBytes: firstMemoryGuess });
  if (where.kind !== "finished") return guess;
  const { outcome, memoryMaxBytes, memoryPeakBytes } = where.result;
  if (outcome !== "out-of-memory" || memoryMaxBytes === undefined) return memoryMaxBytes ?? guess;
  const next = escalate({ memoryMaxBytes, memoryPeakBytes, hostLimitBytes: hostLimitBytes(entry) });
  return next.kind === "retry" ? next.memoryBytes : memoryMaxBytes;
}
