import type { Settings } from "../config/index.ts";
import type { Ledger } from "../ledger/index.ts";
import type { MemoryRequest } from "../plan/memory.ts";
import { enqueueJobs, type QueuedJob } from "./enqueue.ts";
import { Experience } from "./experience.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import type { JobView } from "./host-view.ts";
import { lookAt } from "./look.ts";
import { hostLimitBytes } from "./placement.ts";
import { readQueuedJobs } from "./queued-jobs.ts";

export interface RetriedJob {
  readonly job: string;
  readonly host: string;
  /** Why it was to be tried again. */
  readonly why: string;
  readonly memoryBytes: number;
  readonly memory: MemoryRequest;
  /** What the queue said; undefined for a plan, and for a job that had no room beside what is queued. */
  readonly queued: QueuedJob | undefined;
  /** Why it was held back. */
  readonly held: string | undefined;
}

/**
 * Queues jobs of a host anew, exactly these: the same days, with the memory that their attempts ask for.
 * @param views of jobs that neither wait nor run
 * @param isPlan say what would be queued
 * @throws UnavailableError JOB_FILES where what one was queued with is gone; what the queue and the host throw
 */
export async function queueAgain(
  fleetHost: OpenFleetHost,
  views: readonly JobView[],
  isGuardDeclined: boolean,
  isPlan: boolean,
  settings: Settings,
  ledger: Ledger,
): Promise<RetriedJob[]> {
  if (views.length === 0) return [];
  const experience = new Experience(ledger);
  const limit = hostLimitBytes(fleetHost.entry);
  const known = await readQueuedJobs(fleetHost, views, ledger);
  const requests = known.map(({ view, job }) => {
    const needs = experience.needsOf(job);
    // It was placed here: more than the host has for one job is not asked for.
    return { view, request: { job, ...needs, memoryBytes: Math.min(needs.memory.requestBytes, limit) } };
  });
  const enqueuing = isPlan
    ? undefined
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
    memory: request.memory,
    queued: enqueuing?.queued.find(({ job }) => job === request.job),
    held: enqueuing?.held.get(request.job),
  }));
}
