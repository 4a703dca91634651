import type { Settings } from "../config/index.ts";
import type { Ledger } from "../ledger/index.ts";
import { jobGroups } from "../queue/groups.ts";
import { jobNameText } from "../queue/label.ts";
import type { Enqueued } from "../queue/queue.ts";
import { z } from "zod";
import type { FleetJob } from "./jobs.ts";
import type { HostLook } from "./look.ts";
import { memoryRequest } from "./placement.ts";
import { queueJobOf, type Admitted } from "./queue-job.ts";

/** A job and what the queue said. */
export interface QueuedJob extends Admitted {
  readonly label: string;
  readonly enqueued: Enqueued;
}

/** Makes the groups that a queue lacks. Those that are there keep the number that somebody, or the autoscaler, gave them. */
export async function addMissingGroups({ fleetHost, snapshot }: HostLook): Promise<void> {
  const there = new Set(snapshot.groups.map(({ name }) => name));
  const missing = jobGroups.filter(({ name }) => !there.has(name));
  if (missing.length > 0) await fleetHost.queue.ensureGroups(missing);
}

const details = z.object({ attempt: z.int() });

/** The number of a job's next attempt: one more than what this ledger queued last. */
export function nextAttempt(ledger: Ledger, job: FleetJob): number {
  const [last] = ledger.journal.last(1, { subject: jobNameText(job), kind: "job.queueing" });
  return (details.safeParse(last?.details).data?.attempt ?? 0) + 1;
}

/**
 * Queues jobs on a host, in one session; what is decided is in the ledger before, what the queue made of it after.
 * @param memoryBytes of jobs that shall not have their guess
 */
export async function enqueueJobs(
  look: HostLook,
  jobs: readonly FleetJob[],
  settings: Settings,
  ledger: Ledger,
  memoryBytes: ReadonlyMap<FleetJob, number> = new Map(),
): Promise<QueuedJob[]> {
  if (jobs.length === 0) return [];
  const { entry, queue } = look.fleetHost;
  await addMissingGroups(look);
  const admitted = jobs.map((job): Admitted => ({
    job,
    attempt: nextAttempt(ledger, job),
    memoryBytes: memoryBytes.get(job) ?? memoryRequest(job),
  }));
  const queueJobs = admitted.map((one) => queueJobOf(one, entry, look.guard.kind, settings));
  ledger.transaction(() => {
    admitted.forEach((one, i) => {
      const { attempt, memoryBytes: memory } = one;
      const about = { host: entry.name, label: queueJobs[i]?.label, group: one.job.group, attempt, memory };
      ledger.journal.record("job.queueing", jobNameText(one.job), about);
    });
  });
  const answers = await queue.enqueue(queueJobs);
  ledger.transaction(() => {
    admitted.forEach((one, i) => {
      const answer = answers[i];
      if (answer === undefined) return;
      const { label, createdAt } = answer.task;
      const kind = answer.outcome === "added" ? "job.queued" : "job.already-queued";
      ledger.journal.record(kind, jobNameText(one.job), { host: entry.name, label, created_at: createdAt });
    });
  });
  return admitted.flatMap((one, i) => {
    const enqueued = answers[i];
    return enqueued === undefined ? [] : [{ ...one, label: queueJobs[i]?.label ?? "", enqueued }];
  });
}
