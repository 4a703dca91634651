import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Queue, QueueJob, QueueTask, TaskState } from "../../lib/queue/queue.ts";

/** A job that is a line of shell. */
export function shellJob(directory: string, label: string, script: string, given: Partial<QueueJob> = {}): QueueJob {
  const argv = ["sh", "-c", script] as const;
  return { label, group: "p2", argv, directory, memoryBytes: 100e6, files: [], ...given };
}

const patienceMs = 300_000;

/** Looks again and again until something is there; a machine that does much else may take its time. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const endMs = performance.now() + patienceMs; performance.now() < endMs; await delay(50)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`${what}: not within ${patienceMs / 1000} s`);
}

export async function taskOf(queue: Queue, label: string): Promise<QueueTask> {
  const task = (await queue.poll()).tasks.find((one) => one.label === label);
  assert.ok(task !== undefined, `${label} is in the queue`);
  return task;
}

/** A task once it is in a state of that kind. */
export async function until(queue: Queue, label: string, kind: TaskState["kind"]): Promise<QueueTask> {
  return eventually(`${label} ${kind}`, async () => {
    const task = await taskOf(queue, label);
    return task.state.kind === kind ? task : undefined;
  });
}

/** How a task ended, or the name of the state it is in. */
export function outcomeOf({ state }: QueueTask): unknown {
  return state.kind === "done" ? state.outcome : state.kind;
}
