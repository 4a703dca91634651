import type { HostMemory } from "../../lib/plan/ledger.ts";
import type { Memory, Pressure, StallAverages } from "../../lib/plan/proc.ts";
import type { Random } from "./random.ts";
import { bytesAt, startMs, type SimulatedJob } from "./workload.ts";

export interface HostSize extends HostMemory {
  readonly name: string;
  readonly cores: number;
}

/** A task in the host's queue, or running. */
export interface Task {
  readonly job: SimulatedJob;
  /** Its memory limit: it is killed above. */
  readonly requestBytes: number;
  /** Work that was committed before this attempt. */
  readonly fromMs: number;
  readonly startedAtMs: number | undefined;
  doneMs: number;
  peakBytes: number;
  isStopAsked: boolean;
  /** Work at which it will crash. */
  readonly crashAtMs: number | undefined;
  /** This attempt's noise: the same work does not need the same memory twice. */
  readonly noise: number;
}

export interface Ended {
  readonly task: Task;
  readonly how: "done" | "out of memory" | "crashed" | "lost" | "stopped" | "killed";
  /** Work that is committed. */
  readonly committedMs: number;
}

export interface SimulatedGroup {
  parallel: number;
  isPaused: boolean;
  readonly queue: Task[];
}

/** Work between two commits. */
const commitEveryMs = 8000;

/** One host with a queue of groups: what pueue, systemd and the kernel would do, on a virtual clock. */
export class SimulatedHost {
  readonly size: HostSize;
  readonly groups = new Map<string, SimulatedGroup>();
  running: Task[] = [];
  /** Memory and cores that others use. */
  otherBytes: number;
  otherCores = 0;
  isReachable = true;
  /** Instants at which the host had less memory than was used: its kernel kills something then. */
  overruns = 0;
  readonly #random: Random;
  readonly #averages = { cpu: new Averages(), memory: new Averages(), io: new Averages() };
  #load = 0;

  constructor(size: HostSize, otherBytes: number, random: Random) {
    this.size = size;
    this.otherBytes = otherBytes;
    this.#random = random;
  }

  get usedBytes(): number {
    return this.otherBytes + this.running.reduce((sum, task) => sum + this.#bytesOf(task), 0);
  }

  get memory(): Memory {
    const { memoryBytes } = this.size;
    return { totalBytes: memoryBytes, availableBytes: Math.max(0, memoryBytes - this.usedBytes) };
  }

  /** What its neighbours leave of its cores; none while its queue is down or stopped. */
  get freeCores(): number {
    const isStopped = [...this.groups.values()].every(({ isPaused }) => isPaused);
    return this.isReachable && !isStopped ? this.size.cores - this.otherCores : 0;
  }

  get loadOne(): number {
    return this.#load;
  }

  get pressure(): { cpu: Pressure; memory: Pressure; io: Pressure } {
    const { cpu, memory, io } = this.#averages;
    return { cpu: cpu.pressure(0), memory: memory.pressure(0.5), io: io.pressure(0.3) };
  }

  /** Goes on by so much; who ended comes back. */
  step(nowMs: number, stepMs: number): Ended[] {
    for (const group of this.groups.values()) this.#start(group, nowMs);
    const demand = this.running.reduce((sum, { job }) => sum + job.cores, 0) + this.otherCores;
    const share = Math.min(1, this.size.cores / Math.max(demand, 1e-9));
    const ended: Ended[] = [];
    for (const task of this.running) {
      const before = task.doneMs;
      task.doneMs += task.job.cores * share * stepMs;
      task.peakBytes = Math.max(task.peakBytes, this.#bytesOf(task));
      const how = howEnded(task, before);
      if (how !== undefined) ended.push(end(task, how));
    }
    this.#remove(ended);
    ended.push(...this.#killWhereFull());
    this.#measure(demand, stepMs);
    return ended;
  }

  /** The machine goes down: what runs is lost, the groups come back paused. */
  restart(): Ended[] {
    const lost = this.running.map((task) => end(task, "lost"));
    this.running = [];
    for (const group of this.groups.values()) group.isPaused = true;
    return lost;
  }

  kill(task: Task): Ended {
    const killed = end(task, "killed");
    this.#remove([killed]);
    return killed;
  }

  #start(group: SimulatedGroup, nowMs: number): void {
    if (group.isPaused || !this.isReachable) return;
    const ofGroup = this.running.filter((task) => this.groups.get(task.job.group) === group).length;
    for (const task of group.queue.splice(0, Math.max(0, group.parallel - ofGroup))) {
      this.running.push({ ...task, startedAtMs: nowMs, doneMs: task.fromMs - startMs });
    }
  }

  /** Its start needs little yet. */
  #bytesOf({ job, doneMs, noise }: Task): number {
    return bytesAt(job, Math.max(0, doneMs) / job.workMs) * noise;
  }

  #killWhereFull(): Ended[] {
    const killed: Ended[] = [];
    while (this.usedBytes > this.size.memoryBytes && this.running.length > 0) {
      this.overruns += 1;
      const [largest] = this.running.toSorted((a, b) => this.#bytesOf(b) - this.#bytesOf(a));
      if (largest !== undefined) killed.push(this.kill(largest));
    }
    return killed;
  }

  #remove(ended: readonly Ended[]): void {
    const gone = new Set(ended.map(({ task }) => task));
    this.running = this.running.filter((task) => !gone.has(task));
  }

  /** What the kernel's averages would show. Tasks begin to wait for cores a little before all are taken. */
  #measure(demand: number, stepMs: number): void {
    const { cores, memoryBytes } = this.size;
    const free = (memoryBytes - this.usedBytes) / memoryBytes;
    const noise = this.#random.between(-5, 5);
    this.#averages.cpu.add(percent((demand / cores - 0.85) / 0.3) + noise, stepMs);
    this.#averages.memory.add(percent((0.12 - free) / 0.12), stepMs);
    this.#averages.io.add(10 + noise, stepMs);
    this.#load += (demand - this.#load) * (1 - Math.exp(-stepMs / 60_000));
  }
}

function howEnded(task: Task, before: number): Ended["how"] | undefined {
  const { job, doneMs, requestBytes, peakBytes, crashAtMs, isStopAsked } = task;
  if (peakBytes > requestBytes) return "out of memory";
  if (crashAtMs !== undefined && doneMs >= crashAtMs) return "crashed";
  if (doneMs >= job.workMs) return "done";
  const isCommit = Math.floor(doneMs / commitEveryMs) > Math.floor(before / commitEveryMs);
  return isStopAsked && isCommit ? "stopped" : undefined;
}

function end(task: Task, how: Ended["how"]): Ended {
  const committed = Math.floor(Math.max(0, task.doneMs) / commitEveryMs) * commitEveryMs;
  return { task, how, committedMs: how === "done" ? task.job.workMs : Math.max(task.fromMs, committed) };
}

function percent(share: number): number {
  return Math.min(1, Math.max(0, share)) * 100;
}

/** Averages over 10, 60 and 300 seconds, as the kernel keeps them. */
class Averages {
  #avg10 = 0;
  #avg60 = 0;
  #avg300 = 0;

  add(value: number, stepMs: number): void {
    const bounded = Math.min(100, Math.max(0, value));
    const towards = (average: number, overMs: number): number =>
      average + (bounded - average) * (1 - Math.exp(-stepMs / overMs));
    this.#avg10 = towards(this.#avg10, 10_000);
    this.#avg60 = towards(this.#avg60, 60_000);
    this.#avg300 = towards(this.#avg300, 300_000);
  }

  /** @param full how much of it stops everything */
  pressure(full: number): Pressure {
    const some: StallAverages = { avg10: this.#avg10, avg60: this.#avg60, avg300: this.#avg300 };
    return { some, full: { avg10: some.avg10 * full, avg60: some.avg60 * full, avg300: some.avg300 * full } };
  }
}
