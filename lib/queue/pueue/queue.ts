import { UnavailableError } from "../../model/errors.ts";
import { planBatch } from "../fresh-jobs.ts";
import { checkParallel, type GroupSetup } from "../groups.ts";
import { identityKey } from "../identity-key.ts";
import { putFilesFailure, putFilesScript } from "../put-files.ts";
import {
  hasSucceeded,
  type Enqueued,
  type Queue,
  type QueueJob,
  type QueueSnapshot,
  type QueueTask,
  type TaskIdentity,
} from "../queue.ts";
import { runScript, type Runner } from "../runner.ts";
import { shellWord, shellWords } from "../shell-words.ts";
import { pueueFailure, readHandshake, versionScript } from "./handshake.ts";
import { parseLog, parseStatus } from "./schema.ts";

const statusCommand = "pueue status --json";

/** The queue of a host that runs pueue 4, through pueue's own client. */
export class PueueQueue implements Queue {
  readonly kind = "pueue";
  readonly host: string;
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.host = runner.name;
    this.#runner = runner;
  }

  async handshake(): Promise<{ readonly version: string }> {
    const outcome = await runScript(this.#runner, versionScript);
    return { version: readHandshake(outcome, this.host) };
  }

  async ensureGroups(groups: readonly GroupSetup[]): Promise<void> {
    for (const { name, parallel } of groups) checkParallel(parallel, name);
    const there = new Map((await this.poll()).groups.map((group) => [group.name, group.parallel]));
    const commands = groups.flatMap(({ name, parallel }) => {
      if (!there.has(name)) return [shellWords(["pueue", "group", "add", `--parallel=${parallel}`, name])];
      return there.get(name) === parallel ? [] : [parallelCommand(name, parallel)];
    });
    if (commands.length > 0) await this.#run(commands.join(" && "));
  }

  async enqueue(jobs: readonly QueueJob[]): Promise<readonly Enqueued[]> {
    const plan = planBatch(jobs, (await this.poll()).tasks);
    return plan.answer(plan.fresh.length === 0 ? new Map() : await this.#add(plan.fresh));
  }

  async poll(): Promise<QueueSnapshot> {
    return parseStatus(await this.#run(statusCommand), this.host);
  }

  async cancel(tasks: readonly TaskIdentity[], how: "stop" | "kill"): Promise<readonly TaskIdentity[]> {
    const alive = (await this.#find(tasks)).filter(isAlive);
    // Those that wait first: one that ends makes room in which the next of them would start.
    const waiting = alive.filter((task) => !isStarted(task));
    const left = waiting.length === 0 ? alive : (await this.#remove(waiting, alive)).filter(isAlive);
    const started = left.filter(isStarted);
    if (started.length > 0) await this.#run(started.map((task) => endCommand(task, how)).join(" && "));
    const stays = new Set(left.filter((task) => !isStarted(task)).map(identityKey));
    return alive.filter((task) => !stays.has(identityKey(task))).map(({ label, createdAt }) => ({ label, createdAt }));
  }

  async setParallel(group: string, parallel: number): Promise<void> {
    checkParallel(parallel, group);
    await this.#run(parallelCommand(group, parallel));
  }

  async pauseGroup(group: string): Promise<void> {
    await this.#run(shellWords(["pueue", "pause", "--wait", `--group=${group}`]));
  }

  async resumeGroup(group: string): Promise<void> {
    await this.#run(shellWords(["pueue", "start", `--group=${group}`]));
  }

  async clean(tasks: readonly TaskIdentity[]): Promise<number> {
    const over = (await this.#find(tasks)).filter(hasSucceeded);
    if (over.length === 0) return 0;
    // By number: only another clean, and a task queued behind it, in the instant between the two could give one to another task.
    return over.length - (await this.#remove(over, over)).length;
  }

  async logs(task: TaskIdentity, linesMax: number): Promise<string> {
    const [found] = await this.#find([task]);
    if (found === undefined) {
      throw new UnavailableError(`${task.label} is not in the queue of ${this.host} any more`, {
        code: "TASK_GONE",
        subject: task.label,
      });
    }
    return parseLog(await this.#run(`pueue log --json --lines=${linesMax} ${found.number}`), found.number, this.host);
  }

  /** Adds jobs and reads them back, in one session. */
  async #add(jobs: readonly QueueJob[]): Promise<Map<QueueJob, QueueTask>> {
    const awaited = new Set(jobs.flatMap(({ after = [] }) => after));
    const places = new Map(jobs.map(({ label }, i) => [label, `task_${i}`]));
    const adds = jobs.map((job, i) => {
      const add = addCommand(job, places);
      return awaited.has(job.label) ? `task_${i}=$(${add}) || exit $?\necho "$task_${i}"` : `${add} || exit $?`;
    });
    const output = await this.#run([...putFilesScript(jobs), ...adds, statusCommand].join("\n"));
    const answers = output.split("\n");
    const status = parseStatus(answers.slice(jobs.length).join("\n"), this.host);
    const added = new Map<QueueJob, QueueTask>();
    jobs.forEach((job, i) => {
      const task = status.tasks.find(({ number, label }) => number === answers[i]?.trim() && label === job.label);
      if (task === undefined) {
        throw new UnavailableError(`${job.label} was added to the queue of ${this.host} and is not there any more`, {
          code: "TASK_GONE",
          subject: job.label,
          hint: "does something else clean that queue? Ask again: a job that is there is not added twice",
        });
      }
      added.set(job, task);
    });
    return added;
  }

  /**
   * Removes tasks that do not run, all at once: pueue refuses one that others come after which have not ended, but where these go with it.
   * @returns which of others are there then, in whatever state
   */
  async #remove(tasks: readonly QueueTask[], others: readonly TaskIdentity[]): Promise<QueueTask[]> {
    const remove = shellWords(["pueue", "remove", ...tasks.map(({ number }) => number)]);
    const output = await this.#run(`${remove} >/dev/null\n${statusCommand}`);
    return tasksOf(parseStatus(output, this.host), others);
  }

  /**
   * The tasks of these identities that are still there. A number holds until the task is removed: only one that is done can be, so a live task's
   * number is its own.
   */
  async #find(tasks: readonly TaskIdentity[]): Promise<QueueTask[]> {
    return tasksOf(await this.poll(), tasks);
  }

  /** Runs commands of pueue's client. @throws ConfigurationError PUEUE_MISSING; UnavailableError HOST_WRITE, PUEUE_AWAY, PUEUE_FAILED */
  async #run(script: string): Promise<string> {
    const outcome = await runScript(this.#runner, script);
    if (outcome.code === 0) return outcome.stdout;
    throw putFilesFailure(outcome, this.host) ?? pueueFailure(this.host, outcome);
  }
}

function tasksOf(snapshot: QueueSnapshot, wanted: readonly TaskIdentity[]): QueueTask[] {
  const keys = new Set(wanted.map(identityKey));
  return snapshot.tasks.filter((task) => keys.has(identityKey(task)));
}

function isAlive({ state }: Pick<QueueTask, "state">): boolean {
  return state.kind !== "done";
}

function isStarted({ state }: Pick<QueueTask, "state">): boolean {
  return state.kind === "running" || state.kind === "paused";
}

function parallelCommand(group: string, parallel: number): string {
  return shellWords(["pueue", "parallel", `--group=${group}`, String(parallel)]);
}

/**
 * Prints the task's number, in a line of its own. pueue gives the one word after `--` to a shell, whose place the program takes: a shell
 * that stayed would turn a kill into an exit code, and die of a SIGTERM before the program has answered it.
 * @param places the shell's variables with the numbers of jobs, by label
 */
function addCommand(
  { directory, group, label, argv, after = [], waitingSinceMs }: QueueJob,
  places: ReadonlyMap<string, string>,
): string {
  const where = [`--working-directory=${directory}`, `--group=${group}`, `--label=${label}`];
  if (waitingSinceMs !== undefined) where.push("--priority=1");
  const tasks = after.flatMap((one) => places.get(one) ?? []).map((place) => ` "$${place}"`);
  const order = tasks.length === 0 ? "" : ` --after${tasks.join("")}`;
  return `${shellWords(["pueue", "add", "--print-task-id", ...where])}${order} -- ${shellWord(`exec ${shellWords(argv)}`)}`;
}

/** One that ran may have ended since: no failure, as long as the daemon answers. One that is stopped in its middle hears no SIGTERM. */
function endCommand({ number, state }: QueueTask, how: "stop" | "kill"): string {
  const signal = how === "kill" || state.kind === "paused" ? "" : " --signal=term";
  return `{ pueue kill${signal} ${number} || ${statusCommand} >/dev/null; }`;
}
