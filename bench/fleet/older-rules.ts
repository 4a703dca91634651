import { assumedBytesOf, groupMaxOf, scalerLimits } from "../../lib/plan/scaler/limits.ts";
import type { Ended, SimulatedHost } from "./host.ts";
import { newTask } from "./our-rules.ts";
import type { Random } from "./random.ts";
import { noOutcome, Turns, type Rules } from "./rules.ts";
import type { SimulatedJob } from "./workload.ts";

const decideEveryMs = 60_000;
const attemptsMax = 3;
const megabyte = 1e6;
/** What the older autoscaler takes a job of a group to need. */
const estimates: ReadonlyMap<string, number> = new Map([
  ["p1", 1024 * megabyte],
  ["p2", 5120 * megabyte],
  ["p3", 1536 * megabyte],
]);

/**
 * The older rules: everything is queued at once under one fixed limit a group; every 60 s load average and memory in use decide
 * +1 or −1 of each group. What failed is restarted at once, up to three attempts, and goes on from its last commit, which is
 * more than it got.
 */
export class OlderRules implements Rules {
  readonly outcome = noOutcome();
  readonly #random: Random;
  readonly #jobs: readonly SimulatedJob[];
  readonly #turns = new Turns(this.outcome);
  readonly #failures = new Map<string, number>();
  #decidedAtMs = 0;
  #open: number;

  constructor(jobs: readonly SimulatedJob[], random: Random) {
    this.#jobs = jobs;
    this.#random = random;
    this.#open = jobs.length;
  }

  get isFinished(): boolean {
    return this.#open === 0;
  }

  begin(host: SimulatedHost): void {
    for (const [name, parallel] of [
      ["p1", 4],
      ["p2", 2],
      ["p3", 3],
    ] as const) {
      host.groups.set(name, { parallel, isPaused: false, queue: [] });
    }
    for (const job of this.#jobs) this.#queue(host, job, 0);
  }

  tick(host: SimulatedHost, nowMs: number): void {
    if (nowMs - this.#decidedAtMs < decideEveryMs || !host.isReachable) return;
    this.#decidedAtMs = nowMs;
    const cpu = Math.round((host.loadOne / host.size.cores) * 100);
    const { totalBytes, availableBytes } = host.memory;
    const used = Math.round((1 - availableBytes / totalBytes) * 100);
    const limits = scalerLimits.load;
    let change = 0;
    for (const [name, group] of host.groups) {
      const before = group.parallel;
      if (cpu > limits.cpu.ceiling || used > limits.memory.ceiling) group.parallel = Math.max(1, before - 1);
      else if (cpu < limits.cpu.floor && used < limits.memory.floor) {
        const fits = availableBytes >= 2 * (estimates.get(name) ?? 0);
        if (fits && group.queue.length > 0) group.parallel = Math.min(groupMaxOf(scalerLimits, name), before + 1);
      }
      change += group.parallel - before;
    }
    this.#turns.add(change);
  }

  ended(host: SimulatedHost, { task, how, committedMs }: Ended): void {
    const { job } = task;
    const failures = (this.#failures.get(job.job) ?? 0) + (how === "done" || how === "lost" ? 0 : 1);
    this.#failures.set(job.job, failures);
    if (how !== "done" && failures < attemptsMax) {
      this.#queue(host, job, committedMs);
      return;
    }
    if (how === "done") this.outcome.done += 1;
    else this.outcome.givenUp += 1;
    this.#open -= 1;
  }

  #queue(host: SimulatedHost, job: SimulatedJob, committedMs: number): void {
    const limitBytes = assumedBytesOf(scalerLimits, job.group);
    host.groups.get(job.group)?.queue.push(newTask(job, committedMs, limitBytes, this.#random));
  }
}
