import type { QueueTask } from "../queue/queue.ts";

type Task = Pick<QueueTask, "label" | "state">;

/**
 * Does a task wait or run? Also one that the queue has lost sight of.
 * @param unattended labels of tasks that the queue calls ended, and that run: see `HostLook`
 */
export function isLive({ label, state }: Task, unattended: ReadonlySet<string>): boolean {
  return state.kind !== "done" || unattended.has(label);
}

/** Does a live task hold memory? One that is stopped in its middle does, and one that the queue has lost sight of. */
export function runs({ label, state }: Task, unattended: ReadonlySet<string>): boolean {
  if (state.kind === "done") return unattended.has(label);
  return isInHand({ state });
}

/** Does the queue itself see it run, or stopped in its middle? */
export function isInHand({ state }: Pick<Task, "state">): boolean {
  return state.kind === "running" || state.kind === "paused";
}
