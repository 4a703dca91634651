import { liveKey } from "./label.ts";
import type { Enqueued, QueueJob, QueueTask } from "./queue.ts";

/** What of a batch is to be added, and what is said of the batch once that is done. */
export interface BatchPlan {
  readonly fresh: readonly QueueJob[];
  /** One entry per job of the batch, in its order. */
  answer(added: ReadonlyMap<QueueJob, QueueTask>): Enqueued[];
}

/** Leaves out jobs that are in the queue and not done, and the second of two equal ones in the batch. */
export function planBatch(jobs: readonly QueueJob[], tasks: readonly QueueTask[]): BatchPlan {
  const live = new Map<string, QueueTask>();
  for (const task of tasks) if (task.state.kind !== "done") live.set(liveKey(task.label), task);
  const fresh = new Map<string, QueueJob>();
  for (const job of jobs) {
    const key = liveKey(job.label);
    if (!live.has(key) && !fresh.has(key)) fresh.set(key, job);
  }
  const answer = (added: ReadonlyMap<QueueJob, QueueTask>): Enqueued[] =>
    jobs.map((job) => {
      const key = liveKey(job.label);
      const first = fresh.get(key);
      const task = live.get(key) ?? (first === undefined ? undefined : added.get(first));
      if (task === undefined) throw new Error(`${job.label} was neither found nor added`);
      const identity = { label: task.label, createdAt: task.createdAt };
      return job === first
        ? { outcome: "added", task: identity }
        : { outcome: "already", task: identity, state: task.state.kind };
    });
  return { fresh: [...fresh.values()], answer };
}
