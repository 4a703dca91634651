import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { ensureFolder } from "../../files/folders.ts";
import { writeWhole } from "../../files/write-whole.ts";
import { UnavailableError } from "../../model/errors.ts";
import { release } from "../../model/release.ts";
import { projectRoot } from "../../config/project-root.ts";
import { planBatch } from "../fresh-jobs.ts";
import { checkParallel, type GroupSetup } from "../groups.ts";
import { memoryLimitIn } from "../memory-option.ts";
import {
  hasSucceeded,
  type Enqueued,
  type Queue,
  type QueueJob,
  type QueueSnapshot,
  type QueueTask,
  type TaskIdentity,
} from "../queue.ts";
import { inheritedNames } from "../runner.ts";
import { liveHolder } from "../supervise/hold-unit.ts";
import { LocalFiles, newNumber, type LocalTask } from "./files.ts";
import { runnerUnit } from "./runner.ts";

/**
 * A queue on this machine that needs nothing installed. Tasks are files; a runner, a process of its own that survives its
 * caller, starts with the first task and ends with the last.
 */
export class LocalQueue implements Queue {
  readonly kind = "local";
  readonly host: string;
  readonly #files: LocalFiles;

  /**
   * @param root the queue's own folder, made when it is first written to
   * @param host this machine's name in the fleet
   */
  constructor(root: string, host = "local") {
    this.host = host;
    this.#files = new LocalFiles(root);
  }

  async handshake(): Promise<{ readonly version: string }> {
    this.#files.prepare();
    return { version: release };
  }

  async ensureGroups(groups: readonly GroupSetup[]): Promise<void> {
    for (const { name, parallel } of groups) checkParallel(parallel, name);
    this.#files.prepare();
    const asked = Object.fromEntries(groups.map(({ name, parallel }) => [name, parallel]));
    this.#files.writeGroups({ parallel: { ...this.#files.groups().parallel, ...asked } });
  }

  async enqueue(jobs: readonly QueueJob[]): Promise<readonly Enqueued[]> {
    this.#files.prepare();
    const plan = planBatch(jobs, this.#tasks());
    const now = Date.now();
    const added = new Map<QueueJob, QueueTask>();
    const numbers = new Map<string, string>();
    plan.fresh.forEach((job, i) => {
      for (const { path, text } of job.files) {
        ensureFolder(dirname(path), 0o700);
        if (text === undefined) rmSync(path, { force: true });
        else writeWhole(path, text);
      }
      const { label, group, argv, directory } = job;
      const createdAt = new Date(now).toISOString();
      const after = (job.after ?? []).flatMap((one) => numbers.get(one) ?? []);
      const task: LocalTask = {
        version: 1,
        label,
        group,
        argv: [...argv],
        directory,
        createdAt,
        ...(after.length === 0 ? {} : { after }),
        state: { kind: "queued" },
      };
      // Numbers are the order in which tasks start.
      const number = newNumber(job.waitingSinceMs ?? now, i);
      numbers.set(label, number);
      this.#files.write(number, task);
      added.set(job, queueTask(number, task));
    });
    await this.#ensureRunner();
    return plan.answer(added);
  }

  async poll(): Promise<QueueSnapshot> {
    const tasks = this.#tasks();
    const isAttended = await this.#isAttended();
    const { parallel, paused } = this.#files.groups();
    const names = new Set([...Object.keys(parallel), ...tasks.map(({ group }) => group)]);
    const groups = [...names].map((name) => {
      const waits = tasks.some(({ group, state }) => group === name && state.kind === "queued");
      const isPaused = paused.includes(name) || (waits && !isAttended);
      return { name, status: isPaused ? "paused" : "running", parallel: parallel[name] ?? 1 } as const;
    });
    return { tasks, groups };
  }

  async cancel(tasks: readonly TaskIdentity[], how: "stop" | "kill"): Promise<readonly TaskIdentity[]> {
    // Those that wait first: one that ends makes room in which the next of them would start.
    const alive = this.#find(tasks)
      .filter(({ state }) => state.kind !== "done")
      .sort((a, b) => Number(a.state.kind === "running") - Number(b.state.kind === "running"));
    for (const { number } of alive) this.#files.request(number, how);
    await this.#ensureRunner();
    return alive.map(({ label, createdAt }) => ({ label, createdAt }));
  }

  async setParallel(group: string, parallel: number): Promise<void> {
    await this.ensureGroups([{ name: group, parallel }]);
  }

  async pauseGroup(group: string): Promise<void> {
    this.#files.prepare();
    this.#files.writeGroups({ paused: [...new Set([...this.#files.groups().paused, group])] });
  }

  /** Where the runner was killed, all groups go on with it. */
  async resumeGroup(group: string): Promise<void> {
    this.#files.prepare();
    this.#files.writeGroups({ paused: this.#files.groups().paused.filter((name) => name !== group) });
    await this.#ensureRunner();
  }

  async clean(tasks: readonly TaskIdentity[]): Promise<number> {
    const over = this.#find(tasks).filter(hasSucceeded);
    for (const { number } of over) this.#files.remove(number);
    return over.length;
  }

  async logs(task: TaskIdentity, linesMax: number): Promise<string> {
    const [found] = this.#find([task]);
    const path = found === undefined ? undefined : this.#files.logFile(found.number);
    if (path === undefined) {
      throw new UnavailableError(`${task.label} is not in the local queue any more`, {
        code: "TASK_GONE",
        subject: task.label,
      });
    }
    const text = existsSync(path) ? readFileSync(path, "utf8").replace(/\n$/, "") : "";
    return text.split("\n").slice(-linesMax).join("\n");
  }

  #tasks(): QueueTask[] {
    return this.#files.numbers().flatMap((number) => {
      const task = this.#files.read(number);
      return task === undefined ? [] : [queueTask(number, task)];
    });
  }

  #find(tasks: readonly TaskIdentity[]): QueueTask[] {
    return this.#tasks().filter((one) =>
      tasks.some(({ label, createdAt }) => one.label === label && one.createdAt === createdAt),
    );
  }

  async #isAttended(): Promise<boolean> {
    return (await liveHolder(join(this.#files.root, "runner"), runnerUnit, hostname())) !== undefined;
  }

  /** Starts the runner where there is something to do and none: after whatever it is to find has been written. */
  async #ensureRunner(): Promise<void> {
    if (!this.#tasks().some(({ state }) => state.kind !== "done") || (await this.#isAttended())) return;
    const env: Record<string, string> = {};
    for (const name of ["PATH", ...inheritedNames]) {
      const value = process.env[name];
      if (value !== undefined) env[name] = value;
    }
    const log = openSync(join(this.#files.root, "runner.log"), "a", 0o600);
    const runner = spawn(process.execPath, [join(projectRoot, "bin", "queue-runner.mjs"), this.#files.root], {
      cwd: "/",
      detached: true,
      env,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    // Not waited for: it goes on when this process has ended.
    runner.unref();
  }
}

function queueTask(number: string, { label, createdAt, group, argv, state, after }: LocalTask): QueueTask {
  const memoryBytes = memoryLimitIn(argv.join(" "));
  const shown = state.kind === "running" ? ({ kind: "running", startedAt: state.startedAt } as const) : state;
  const awaits = state.kind === "queued" ? after : undefined;
  return { number, label, createdAt, group, state: shown, memoryBytes, awaits };
}
