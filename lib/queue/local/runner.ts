import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { RefusedError } from "../../model/errors.ts";
import { processStart } from "../../store/embedded/process-identity.ts";
import type { RunRecord } from "../job-files.ts";
import { holdUnit } from "../supervise/hold-unit.ts";
import { LocalFiles, type LocalTask } from "./files.ts";

/** The name under which a queue's one runner is held, in the queue's folder. */
export const runnerUnit = "queue-runner";

const tickMs = 50;
const idleMsMax = 1000;
/** For a group that nobody has set up. */
const parallelDefault = 1;

type TaskOutcome = Extract<LocalTask["state"], { kind: "done" }>["outcome"];

/**
 * Runs the tasks of a local queue until none is left. It survives whoever started it; when it is killed its tasks go on, and the next runner
 * takes them up again. There is one at a time: a second returns at once.
 */
export async function runLocalQueue(root: string): Promise<void> {
  const files = new LocalFiles(root);
  files.prepare();
  for (;;) {
    const hold = await holdOrLeave(root);
    if (hold === undefined) return;
    await new LocalRun(files).untilIdle();
    hold.release();
    // A caller that still saw this runner has added its task by now: look once more after letting go.
    if (!hasWork(files)) return;
  }
}

async function holdOrLeave(root: string): Promise<Awaited<ReturnType<typeof holdUnit>> | undefined> {
  const start = processStart(process.pid);
  if (start === undefined) throw new Error("this process cannot read its own start time");
  const record: RunRecord = {
    version: 1,
    label: runnerUnit,
    unit: runnerUnit,
    host: hostname(),
    pid: process.pid,
    processStart: start,
    startedAt: new Date().toISOString(),
  };
  try {
    return await holdUnit(join(root, "runner"), record);
  } catch (error) {
    if (error instanceof RefusedError && error.code === "UNIT_RUNNING") return undefined;
    throw error;
  }
}

function hasWork(files: LocalFiles): boolean {
  return files.numbers().some((number) => {
    const task = files.read(number);
    return task !== undefined && task.state.kind !== "done";
  });
}

class LocalRun {
  readonly #files: LocalFiles;
  /** Every task that was not done when it was last seen here. Only this process changes their files. */
  readonly #live = new Map<string, LocalTask>();
  readonly #done = new Set<string>();
  readonly #succeeded = new Set<string>();
  #wake = (): void => {};
  /** Those whose exit code will come here; others were started by a runner before this one. */
  readonly #children = new Set<string>();

  constructor(files: LocalFiles) {
    this.#files = files;
  }

  async untilIdle(): Promise<void> {
    const stopWatching = this.#files.watch(() => this.#wake());
    for (let idleSinceMs = performance.now(); performance.now() - idleSinceMs < idleMsMax; await this.#pause()) {
      this.#load();
      for (const { number, how } of this.#files.takeRequests()) this.#cancel(number, how);
      this.#reapAdopted();
      this.#settleOrder();
      this.#startWhatFits();
      if (this.#live.size > 0) idleSinceMs = performance.now();
    }
    stopWatching();
  }

  /** Until the next look: at once where a task has ended or something was asked for. A file system need not tell; so it looks by itself too. */
  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, tickMs);
    await promise;
    clearTimeout(timer);
  }

  #load(): void {
    for (const number of this.#files.numbers()) {
      if (this.#live.has(number) || this.#done.has(number)) continue;
      const task = this.#files.read(number);
      if (task === undefined) continue;
      if (task.state.kind === "done") this.#noteDone(number, task.state.outcome);
      else this.#live.set(number, task);
    }
  }

  #cancel(number: string, how: "stop" | "kill"): void {
    const task = this.#live.get(number);
    if (task?.state.kind === "queued") {
      this.#live.delete(number);
      this.#files.remove(number);
    } else if (task?.state.kind === "running" && processStart(task.state.pid) === task.state.processStart) {
      // Each task leads a process group.
      process.kill(-task.state.pid, how === "stop" ? "SIGTERM" : "SIGKILL");
    }
  }

  #reapAdopted(): void {
    for (const [number, task] of this.#live) {
      if (task.state.kind !== "running" || this.#children.has(number)) continue;
      if (processStart(task.state.pid) === task.state.processStart) continue;
      this.#finish(number, { kind: "errored", reason: "it ended while no runner watched, or the host went down" });
    }
  }

  /** Tasks that are not to come after anything any more, and those that will never begin: what they wait for has not ended well. */
  #settleOrder(): void {
    for (const [number, task] of this.#live) {
      if (task.after === undefined) continue;
      const left = task.after.filter((one) => !this.#succeeded.has(one));
      const after = left.length === 0 ? undefined : left;
      if (left.some((one) => !this.#live.has(one))) this.#finish(number, { kind: "dependency-failed" });
      else if (left.length < task.after.length) this.#put(number, { ...task, after });
    }
  }

  #startWhatFits(): void {
    const { parallel, paused } = this.#files.groups();
    const running = new Map<string, number>();
    for (const { group, state } of this.#live.values()) {
      if (state.kind === "running") running.set(group, (running.get(group) ?? 0) + 1);
    }
    for (const [number, task] of [...this.#live].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const count = running.get(task.group) ?? 0;
      if (task.state.kind !== "queued" || task.after !== undefined || paused.includes(task.group)) continue;
      if (count >= (parallel[task.group] ?? parallelDefault)) continue;
      running.set(task.group, count + 1);
      this.#start(number, task);
    }
  }

  #start(number: string, task: LocalTask): void {
    const [program, ...args] = task.argv;
    const log = openSync(this.#files.logFile(number), "a", 0o600);
    const child = spawn(program, args, { cwd: task.directory, detached: true, stdio: ["ignore", log, log] });
    closeSync(log);
    const start = child.pid === undefined ? undefined : processStart(child.pid);
    if (child.pid !== undefined) {
      const startedAt = new Date().toISOString();
      this.#children.add(number);
      this.#put(number, {
        ...task,
        state: { kind: "running", startedAt, pid: child.pid, processStart: start ?? "ended already" },
      });
    }
    child.on("error", (error) => {
      if (child.pid === undefined) this.#finish(number, { kind: "failed-to-spawn", reason: error.message });
    });
    child.on("exit", (code) => {
      if (code === null) this.#finish(number, { kind: "killed" });
      else this.#finish(number, code === 0 ? { kind: "success" } : { kind: "failed", code });
      this.#wake();
    });
  }

  #finish(number: string, outcome: TaskOutcome): void {
    const task = this.#live.get(number);
    if (task === undefined) return;
    const endedAt = new Date().toISOString();
    const startedAt = task.state.kind === "running" ? task.state.startedAt : endedAt;
    this.#put(number, { ...task, state: { kind: "done", outcome, startedAt, endedAt } });
    this.#live.delete(number);
    this.#children.delete(number);
    this.#noteDone(number, outcome);
  }

  #noteDone(number: string, { kind }: TaskOutcome): void {
    this.#done.add(number);
    if (kind === "success") this.#succeeded.add(number);
  }

  #put(number: string, task: LocalTask): void {
    this.#live.set(number, task);
    this.#files.write(number, task);
  }
}
