import type { GroupSetup } from "./groups.ts";

/**
 * A queue of jobs on one host. It is cattle: it holds jobs that are admitted or running and can be rebuilt at any time from the plan
 * and the ledger. Its numeric ids are reused, so a task is known by host, label and the time it was added.
 */
export interface Queue {
  readonly kind: "local" | "pueue" | "slurm";
  readonly host: string;

  /**
   * Looks whether the queue can be worked with, and says what it is.
   * @throws ConfigurationError when it is missing, too old or answers in another shape; UnavailableError when it, or its host, is away
   */
  handshake(): Promise<{ readonly version: string }>;

  /** Makes groups that are missing and sets how many jobs each runs at a time. @throws ConfigurationError BAD_PARALLEL below 1 */
  ensureGroups(groups: readonly GroupSetup[]): Promise<void>;

  /**
   * Adds jobs in one session. A job that is in the queue and not done (by `liveKey`) is left alone, and the answer says so; so a call that failed
   * half way can be repeated.
   * @returns one entry per job, in the same order
   */
  enqueue(jobs: readonly QueueJob[]): Promise<readonly Enqueued[]>;

  /** @throws UnavailableError QUEUE_UNKNOWN_STATE for a state that is not known: nothing may be decided from a guess */
  poll(): Promise<QueueSnapshot>;

  /**
   * Takes waiting tasks out of the queue and ends running ones: `stop` asks (SIGTERM, the worker ends after its current
   * commit), `kill` does not.
   * @returns those that were found alive; a task that is done or gone is left alone, and so is in pueue one that waits and that others come
   * after which are not to be taken out: they would begin without it
   */
  cancel(tasks: readonly TaskIdentity[], how: "stop" | "kill"): Promise<readonly TaskIdentity[]>;

  /** @throws ConfigurationError BAD_PARALLEL below 1 */
  setParallel(group: string, parallel: number): Promise<void>;

  /** Keeps a group from starting jobs; those that run go on. @throws ConfigurationError SLURM_NO_LIMIT */
  pauseGroup(group: string): Promise<void>;

  /** Lets a paused group start jobs again; one that runs is left as it is. */
  resumeGroup(group: string): Promise<void>;

  /**
   * Forgets exactly these tasks, as far as they have succeeded: one that ends meanwhile stays, for nobody has read yet what it came to.
   * Failures stay: they are evidence.
   * @returns how many are forgotten; pueue keeps those that others come after which have not ended
   */
  clean(tasks: readonly TaskIdentity[]): Promise<number>;

  /** The last lines of a task's output, stdout and stderr as they came. @throws UnavailableError TASK_GONE */
  logs(task: TaskIdentity, linesMax: number): Promise<string>;
}

export interface QueueJob {
  readonly label: string;
  readonly group: string;
  /** A program and its arguments, each taken literally. */
  readonly argv: readonly [string, ...string[]];
  /** Absolute, and there on the host. */
  readonly directory: string;
  /** What the job may hold. Slurm places by it; elsewhere the supervisor's arguments say it. */
  readonly memoryBytes: number;
  /** Put in place before the job is queued, each whole and 0600; nothing in them becomes an argument. One without a text is removed. */
  readonly files: ReadonlyArray<{ readonly path: string; readonly text: string | undefined }>;
  /** Labels of jobs before it in the batch: it begins when they have ended well, and never where one of them has not. */
  readonly after?: readonly string[];
  /** It had begun before and was stopped to make room: it goes before those that have not. Undefined for all others. */
  readonly waitingSinceMs?: number | undefined;
}

/** A task of a queue. The host is the queue's. */
export interface TaskIdentity {
  readonly label: string;
  /** When it was added, UTC, in all the digits the queue has. */
  readonly createdAt: string;
}

export type Enqueued =
  | { readonly outcome: "added"; readonly task: TaskIdentity }
  /** The same job is there and not done. */
  | { readonly outcome: "already"; readonly task: TaskIdentity; readonly state: TaskState["kind"] };

export interface QueueSnapshot {
  readonly tasks: readonly QueueTask[];
  readonly groups: readonly QueueGroup[];
}

export interface QueueTask extends TaskIdentity {
  readonly group: string;
  readonly state: TaskState;
  /** The queue's own handle, for a person to type; another task may have it later. */
  readonly number: string;
  /** Numbers of tasks that have to end well before it begins, and have not; undefined where there is none. */
  readonly awaits?: readonly string[] | undefined;
  /** What it may hold, where the queue shows that. */
  readonly memoryBytes?: number | undefined;
}

/** Times are UTC, ISO 8601. */
export type TaskState =
  | { readonly kind: "queued" }
  | { readonly kind: "running"; readonly startedAt: string }
  /** Stopped in its middle. It keeps its slot and its memory. */
  | { readonly kind: "paused"; readonly startedAt: string }
  /** Held back by a person, until `startAt` where that is set. */
  | { readonly kind: "stashed"; readonly startAt: string | undefined }
  /** A person edits it. */
  | { readonly kind: "locked" }
  | {
      readonly kind: "done";
      readonly outcome: TaskOutcome;
      readonly startedAt: string | undefined;
      readonly endedAt: string;
    };

export type TaskOutcome =
  | { readonly kind: "success" }
  | { readonly kind: "failed"; readonly code: number }
  /** By a signal. From pueue also: the daemon was started anew, and the job may run on. */
  | { readonly kind: "killed" }
  | { readonly kind: "out-of-memory" }
  /** The queue itself lost it: an I/O error, a node that failed, a time limit. */
  | { readonly kind: "errored"; readonly reason: string }
  | { readonly kind: "dependency-failed" }
  | { readonly kind: "failed-to-spawn"; readonly reason: string };

export interface QueueGroup {
  readonly name: string;
  readonly status: "running" | "paused" | "resetting";
  readonly parallel: number | "unlimited";
}

/** Does its queue say that it ended well? What was built in part may, where others wait for it: its worker's result says so. */
export function hasSucceeded({ state }: Pick<QueueTask, "state">): boolean {
  return state.kind === "done" && state.outcome.kind === "success";
}
