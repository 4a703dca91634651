import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { ConfigurationError, UnavailableError } from "../../model/errors.ts";
import { planBatch } from "../fresh-jobs.ts";
import { checkParallel, type GroupSetup } from "../groups.ts";
import { identityKey } from "../identity-key.ts";
import { putFilesFailure, putFilesScript } from "../put-files.ts";
import type { Enqueued, Queue, QueueJob, QueueSnapshot, QueueTask, TaskIdentity } from "../queue.ts";
import { runScript, shellNotFound, type ExecOutcome, type Runner } from "../runner.ts";
import { shellWord, shellWords } from "../shell-words.ts";
import { formatIdentity, slurmLogFile, type SlurmIdentity } from "./identity.ts";
import { parsePoll, pollScript } from "./parse.ts";

const mib = 1 << 20;

/**
 * A cluster that runs Slurm, through one of its machines. Slurm itself places jobs, by the memory they ask for, and keeps them to
 * it; it has no groups: ours are only a note on each job.
 */
export class SlurmQueue implements Queue {
  readonly kind = "slurm";
  readonly host: string;
  readonly #runner: Runner;
  readonly #root: string;

  /** @param root a folder for the jobs' outputs, absolute, that all machines of the cluster see */
  constructor(runner: Runner, root: string) {
    this.host = runner.name;
    this.#runner = runner;
    this.#root = root;
  }

  async handshake(): Promise<{ readonly version: string }> {
    const output = await this.#run("sbatch --version && squeue --noheader --me");
    const version = /^slurm\S* (\d+\.\d+\S*)/.exec(output)?.[1];
    if (version !== undefined) return { version };
    throw new ConfigurationError(`sbatch on ${this.host} does not say its version`, {
      code: "SLURM_VERSION",
      subject: this.host,
      hint: "is another `sbatch` first on the path there? `command -v sbatch`",
    });
  }

  async ensureGroups(groups: readonly GroupSetup[]): Promise<void> {
    for (const { name, parallel } of groups) checkParallel(parallel, name);
  }

  async enqueue(jobs: readonly QueueJob[]): Promise<readonly Enqueued[]> {
    const plan = planBatch(jobs, (await this.poll()).tasks);
    return plan.answer(plan.fresh.length === 0 ? new Map() : await this.#submit(plan.fresh));
  }

  async poll(): Promise<QueueSnapshot> {
    const tasks = parsePoll(await this.#run(pollScript), this.host);
    const names = new Set(tasks.map(({ group }) => group));
    return { tasks, groups: [...names].map((name) => ({ name, status: "running", parallel: "unlimited" })) };
  }

  async cancel(tasks: readonly TaskIdentity[], how: "stop" | "kill"): Promise<readonly TaskIdentity[]> {
    const wanted = new Set(tasks.map((task) => identityKey(task)));
    const alive = (await this.poll()).tasks.filter(
      (task) => wanted.has(identityKey(task)) && task.state.kind !== "done",
    );
    if (alive.length > 0) await this.#run(alive.map((task) => cancelCommand(task, how)).join(" && "));
    return alive.map(({ label, createdAt }) => ({ label, createdAt }));
  }

  async setParallel(group: string, parallel: number): Promise<void> {
    checkParallel(parallel, group);
    throw this.#noGroups(group);
  }

  async pauseGroup(group: string): Promise<void> {
    throw this.#noGroups(group);
  }

  /** Lets go of jobs of the group that were held. */
  async resumeGroup(group: string): Promise<void> {
    const { tasks } = await this.poll();
    const held = tasks.filter((task) => task.group === group && task.state.kind === "stashed");
    if (held.length > 0) await this.#run(`scontrol release ${held.map(({ number }) => number).join(",")}`);
  }

  /** Slurm forgets finished jobs by itself. */
  async clean(tasks: readonly TaskIdentity[]): Promise<number> {
    return tasks.length;
  }

  async logs(task: TaskIdentity, linesMax: number): Promise<string> {
    const file = slurmLogFile(this.#root, task);
    const outcome = await runScript(this.#runner, `tail -n ${linesMax} ${shellWord(file)}`);
    if (outcome.code === 0) return outcome.stdout.replace(/\n$/, "");
    throw new UnavailableError(`${task.label} has no output on ${this.host}: ${outcome.stderr.trim()}`, {
      code: "TASK_GONE",
      subject: task.label,
    });
  }

  async #submit(jobs: readonly QueueJob[]): Promise<Map<QueueJob, QueueTask>> {
    const createdAt = new Date().toISOString();
    const identities = jobs.map(({ label, group }) => ({ uuid: randomUUID(), label, group, createdAt }));
    const places = new Map(jobs.map(({ label }, i) => [label, `task_${i}`]));
    const lines = jobs.flatMap((job, i) => {
      const identity = identities[i];
      if (identity === undefined) return [];
      return [`task_${i}=$(`, submitCommand(job, identity, places, this.#root), `) || exit $?`, `echo "$task_${i}"`];
    });
    const put = [`mkdir -p ${shellWord(join(this.#root, "logs"))} || exit $?`, ...putFilesScript(jobs)];
    const output = await this.#run([...put, ...lines].join("\n"));
    const numbers = output.trim().split("\n");
    return new Map(
      jobs.map((job, i) => {
        const { label, group } = job;
        return [job, { label, group, createdAt, number: numbers[i] ?? "", state: { kind: "queued" } }];
      }),
    );
  }

  /** @throws ConfigurationError SLURM_MISSING; UnavailableError HOST_WRITE, SLURM_AWAY */
  async #run(script: string): Promise<string> {
    const outcome = await runScript(this.#runner, script);
    if (outcome.code === 0) return outcome.stdout;
    if (outcome.code === shellNotFound) throw this.#missing();
    throw putFilesFailure(outcome, this.host) ?? this.#away(outcome);
  }

  #noGroups(group: string): ConfigurationError {
    return new ConfigurationError(`Slurm on ${this.host} has no groups: it places jobs by the memory they ask for`, {
      code: "SLURM_NO_LIMIT",
      subject: group,
      hint: "limit this user's jobs in Slurm itself, e.g. by a QOS",
    });
  }

  #missing(): ConfigurationError {
    return new ConfigurationError(`Slurm's programs are not on the path on ${this.host}`, {
      code: "SLURM_MISSING",
      subject: this.host,
      hint: 'install slurm-client there, or set queue = "local" or "pueue" in the fleet',
    });
  }

  #away({ stderr, stdout }: ExecOutcome): UnavailableError {
    const said = (stderr.trim() || stdout.trim()).split("\n").slice(0, 3).join("; ").slice(0, 300);
    return new UnavailableError(`Slurm on ${this.host} does not work: ${said || "it said nothing"}`, {
      code: "SLURM_AWAY",
      subject: this.host,
      hint: "scontrol ping, there, says which controller is down",
    });
  }
}

/** Prints the job's number. The job is not run again by Slurm itself: whoever plans decides that. */
function submitCommand(
  job: QueueJob,
  identity: SlurmIdentity,
  places: ReadonlyMap<string, string>,
  root: string,
): string {
  const name = formatIdentity(identity);
  const options = [
    "--parsable",
    "--no-requeue",
    `--job-name=${name}`,
    `--comment=${name}`,
    `--mem=${Math.ceil(job.memoryBytes / mib)}M`,
    `--chdir=${job.directory}`,
    // A percent sign would begin a pattern.
    `--output=${slurmLogFile(root, identity).replaceAll("%", "%%")}`,
  ];
  const end = `end-${identity.uuid}`;
  const tasks = (job.after ?? []).flatMap((label) => places.get(label) ?? []).map((place) => `:$${place}`);
  const order = tasks.length === 0 ? "" : ` --kill-on-invalid-dep=yes --dependency="afterok${tasks.join("")}"`;
  return `${shellWords(["sbatch", ...options])}${order} <<'${end}'\n#!/bin/sh\nexec ${shellWords(job.argv)}\n${end}`;
}

/** A job that waits hears no signal; of one that runs, the batch script's process is the supervisor. */
function cancelCommand({ number, state }: QueueTask, how: "stop" | "kill"): string {
  if (state.kind !== "running") return `scancel ${number}`;
  return how === "stop"
    ? `scancel --batch --signal=TERM ${number}`
    : `scancel --full --signal=KILL ${number} && scancel ${number}`;
}
