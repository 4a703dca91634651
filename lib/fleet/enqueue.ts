import { z } from "zod";
import type { Settings } from "../config/index.ts";
import type { Ledger } from "../ledger/index.ts";
import { jobNameText, parseLabel, type JobName } from "../queue/label.ts";
import type { Enqueued } from "../queue/queue.ts";
import { programOn } from "./fleet-host.ts";
import { groupSetups } from "./groups.ts";
import type { QueueableJob } from "./jobs.ts";
import type { HostLook } from "./look.ts";
import { queueJobOf } from "./queue-job.ts";

/** A job and what it may hold. */
export interface JobRequest {
  readonly job: QueueableJob;
  readonly memoryBytes: number;
}

/** The same, and what the queue said. */
export interface QueuedJob extends JobRequest {
  readonly label: string;
  readonly enqueued: Enqueued;
}

/** Makes the groups that a queue lacks. Those that are there keep the number that somebody, or the autoscaler, gave them. */
async function addMissingGroups({ fleetHost, snapshot }: HostLook): Promise<void> {
  const there = new Set(snapshot.groups.map(({ name }) => name));
  const missing = groupSetups(fleetHost.entry).filter(({ name }) => !there.has(name));
  if (missing.length > 0) await fleetHost.queue.ensureGroups(missing);
}

const details = z.object({ attempt: z.int() });

/** The number of a job's next attempt: one more than what this ledger and the host's queue know of. */
function nextAttempt(ledger: Ledger, { snapshot }: HostLook, job: JobName): number {
  const name = jobNameText(job);
  const [last] = ledger.journal.last(1, { subject: name, kind: "job.queueing" });
  const inQueue = snapshot.tasks.map(({ label }) => {
    const known = parseLabel(label);
    return known !== undefined && jobNameText(known) === name ? known.attempt : 0;
  });
  return Math.max(details.safeParse(last?.details).data?.attempt ?? 0, ...inQueue) + 1;
}

/**
 * Queues jobs on a host, in one session; what is decided is in the ledger before, what the queue made of it after.
 * @throws ConfigurationError NO_RELEASE; what the queue and the host throw
 */
export async function enqueueJobs(
  look: HostLook,
  requests: readonly JobRequest[],
  settings: Settings,
  ledger: Ledger,
): Promise<QueuedJob[]> {
  if (requests.length === 0) return [];
  const { entry, queue } = look.fleetHost;
  const program = await programOn(look.fleetHost);
  await addMissingGroups(look);
  const asked = requests.map((request) => {
    const attempt = nextAttempt(ledger, look, request.job);
    return {
      request,
      attempt,
      queueJob: queueJobOf({ ...request, attempt }, entry, program, look.guard.kind, settings),
    };
  });
  ledger.transaction(() => {
    for (const { request, attempt, queueJob } of asked) {
      const { label, group, memoryBytes } = queueJob;
      ledger.journal.record("job.queueing", jobNameText(request.job), {
        host: entry.name,
        label,
        group,
        attempt,
        memoryBytes,
      });
    }
  });
  const answers = await queue.enqueue(asked.map(({ queueJob }) => queueJob));
  const queued = asked.flatMap(({ request, queueJob }, i) => {
    const enqueued = answers[i];
    return enqueued === undefined ? [] : [{ ...request, label: queueJob.label, enqueued }];
  });
  ledger.transaction(() => {
    for (const { job, enqueued } of queued) {
      const { label, createdAt } = enqueued.task;
      const kind = enqueued.outcome === "added" ? "job.queued" : "job.already-queued";
      ledger.journal.record(kind, jobNameText(job), { host: entry.name, label, created_at: createdAt });
    }
  });
  return queued;
}
