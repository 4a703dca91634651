import { admit } from "../../lib/plan/admission.ts";
import type { JobEnd } from "../../lib/plan/blame.ts";
import { expectedDurationMs } from "../../lib/plan/duration.ts";
import { learn, type MeasuredAttempt } from "../../lib/plan/lessons.ts";
import type { Candidate, Placed } from "../../lib/plan/host-pool.ts";
import { memoryRequest, type JobSize, type OwnAttempt } from "../../lib/plan/memory.ts";
import { nextStep, retryPolicy, type EndedAttempt } from "../../lib/plan/retry.ts";
import { decide } from "../../lib/plan/scaler/decide.ts";
import { initialState, type Decision, type ScalerState } from "../../lib/plan/scaler/decision.ts";
import { scalerLimits } from "../../lib/plan/scaler/limits.ts";
import type { HostReading, QueuedUnit } from "../../lib/plan/scaler/reading.ts";
import type { Ended, SimulatedHost, Task } from "./host.ts";
import type { Random } from "./random.ts";
import { noOutcome, Turns, type Rules } from "./rules.ts";
import { workGroups } from "../../lib/model/groups.ts";
import type { SimulatedJob } from "./workload.ts";

interface Waiting {
  readonly job: SimulatedJob;
  readonly notBeforeMs: number;
  readonly committedMs: number;
  blockedSinceMs: number | undefined;
}

interface Track {
  readonly attempts: EndedAttempt[];
  readonly measured: OwnAttempt[];
}

/** The share of attempts that crash by themselves. */
const crashShare = 0.02;

/** The planner and the autoscaler of lib/plan, driven as the commands drive them: at every end, and every few seconds. */
export class OurRules implements Rules {
  readonly outcome = noOutcome();
  readonly #random: Random;
  readonly #jobsMax: number;
  readonly #turns = new Turns(this.outcome);
  readonly #history: MeasuredAttempt[] = [];
  readonly #tracks = new Map<string, Track>();
  #lessons = learn([]);
  #waiting: Waiting[];
  #state: ScalerState = initialState;
  readonly #held = new Set<string>();
  #isAdmitting = true;
  #decideAtMs = 0;
  #needsAdmission = true;
  #open: number;

  constructor(jobs: readonly SimulatedJob[], jobsMax: number, random: Random) {
    this.#random = random;
    this.#jobsMax = jobsMax;
    this.#open = jobs.length;
    this.#waiting = jobs.map((job) => {
      return { job, notBeforeMs: 0, committedMs: 0, blockedSinceMs: undefined };
    });
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
  }

  tick(host: SimulatedHost, nowMs: number): void {
    if (nowMs >= this.#decideAtMs) {
      this.#decide(host, nowMs);
      this.#needsAdmission = true;
    }
    if (this.#needsAdmission && host.isReachable) {
      this.#needsAdmission = false;
      this.#admit(host, nowMs);
    }
  }

  ended(host: SimulatedHost, { task, how, committedMs }: Ended, nowMs: number): void {
    const { job } = task;
    this.#needsAdmission = true;
    const track = this.#tracks.get(job.job) ?? { attempts: [], measured: [] };
    this.#tracks.set(job.job, track);
    track.attempts.push({ end: endOf(how, task), endedAtMs: nowMs, host: host.size.name });
    const isWhole = how === "done" && task.fromMs === 0;
    if (how === "done" || how === "out of memory") {
      const { requestBytes: limitBytes, peakBytes } = task;
      track.measured.push({ limitBytes, peakBytes, wasOutOfMemory: how === "out of memory" });
    }
    if (isWhole) {
      const durationMs = nowMs - (task.startedAtMs ?? nowMs);
      this.#history.push({ group: job.group, trades: job.trades, peakBytes: task.peakBytes, durationMs });
      this.#lessons = learn(this.#history);
    }
    const next = nextStep(track.attempts, this.#random.next(), retryPolicy);
    if (next.step === "done") this.outcome.done += 1;
    else if (next.step !== "retry") this.outcome.givenUp += 1;
    if (next.step !== "retry") {
      this.#open -= 1;
      return;
    }
    const waiting = { job, notBeforeMs: next.notBeforeMs, committedMs, blockedSinceMs: undefined };
    this.#waiting.push(waiting);
  }

  #decide(host: SimulatedHost, nowMs: number): void {
    const decision = decide(this.#reading(host, nowMs), this.#state, scalerLimits, nowMs);
    this.#state = decision.state;
    this.#decideAtMs = nowMs + decision.lookAgainMs;
    this.#isAdmitting = decision.isAdmitting;
    this.#apply(decision, host, nowMs);
  }

  #apply(decision: Decision, host: SimulatedHost, nowMs: number): void {
    let change = 0;
    for (const action of decision.actions) {
      switch (action.action) {
        case "set parallel": {
          const group = host.groups.get(action.group);
          if (group !== undefined) group.parallel = action.to;
          change += action.to - action.from;
          break;
        }
        case "stop at commit":
        case "kill": {
          const victim = host.running.find(({ job }) => job.job === action.unit);
          if (victim === undefined) break;
          if (action.action === "stop at commit") {
            victim.isStopAsked = true;
            this.outcome.stopsAsked += 1;
          } else {
            this.outcome.kills += 1;
            this.ended(host, host.kill(victim), nowMs);
          }
          break;
        }
        case "hold group":
        case "let group go": {
          const group = host.groups.get(action.group);
          if (group === undefined) break;
          group.isPaused = action.action === "hold group";
          if (action.action === "let group go") {
            group.parallel = action.parallel;
            this.#held.delete(action.group);
          } else this.#held.add(action.group);
          break;
        }
        case "stop admitting":
        case "admit again":
          break;
        default:
          action satisfies never;
      }
    }
    this.#turns.add(change);
  }

  #reading(host: SimulatedHost, nowMs: number): HostReading {
    const { size, running, groups } = host;
    return {
      host: size.name,
      readAtMs: nowMs,
      lost: host.isReachable ? undefined : "no answer",
      cores: size.cores,
      load: { one: host.loadOne, five: host.loadOne, fifteen: host.loadOne },
      memory: host.memory,
      pressure: host.pressure,
      budget: size,
      jobsMax: this.#jobsMax,
      groups: [...groups].map(([name, { parallel, isPaused }]) => {
        return { name, parallel, state: isPaused ? (this.#held.has(name) ? "held" : "paused") : "running" };
      }),
      running: running.map((task) => {
        const { startedAtMs = nowMs, peakBytes } = task;
        return Object.assign(queued(task), { startedAtMs, peakBytes, isLive: false });
      }),
      queued: [...groups.values()].flatMap(({ queue }) => queue.map(queued)),
      waiting: this.#nextInLine(nowMs),
    };
  }

  /** The jobs that would be admitted next. */
  #nextInLine(nowMs: number): QueuedUnit[] {
    return this.#candidates(nowMs)
      .sort((a, b) => b.durationMs - a.durationMs)
      .slice(0, 100)
      .map(({ job, group, requestBytes }) => ({ unit: job, group, requestBytes }));
  }

  #candidates(nowMs: number): Candidate[] {
    return this.#waiting
      .filter(({ notBeforeMs }) => notBeforeMs <= nowMs)
      .map(({ job, committedMs, blockedSinceMs }) => ({
        job: job.job,
        group: job.group,
        thresholds: [],
        requestBytes: memoryRequest(this.#sizeOf(job), this.#lessons).requestBytes,
        durationMs: this.#durationMs(job) * (1 - committedMs / job.workMs),
        waitingSinceMs: 0,
        blockedSinceMs,
      }));
  }

  #sizeOf({ job, group, thresholds, archiveBytes }: SimulatedJob): JobSize {
    return { group, thresholds, archiveBytes, attempts: this.#tracks.get(job)?.measured ?? [] };
  }

  #durationMs(job: SimulatedJob): number {
    return expectedDurationMs(this.#sizeOf(job), this.#lessons);
  }

  #admit(host: SimulatedHost, nowMs: number): void {
    const open = [...host.groups].filter(([name, { isPaused }]) => !isPaused || this.#held.has(name));
    const placed = [...host.running, ...[...host.groups.values()].flatMap(({ queue }) => queue)];
    const admission = admit(
      this.#candidates(nowMs),
      [
        {
          ...host.size,
          host: host.size.name,
          jobsMax: this.#jobsMax,
          thresholds: undefined,
          groups: new Map(
            open.flatMap(([name, { parallel }]) => {
              const group = workGroups.find((one) => one === name);
              return group === undefined ? [] : [[group, parallel] as const];
            }),
          ),
          placed: placed.map((task): Placed => {
            const { job, requestBytes, startedAtMs, fromMs } = task;
            const lasts = this.#durationMs(job) * (1 - fromMs / job.workMs);
            return { job: job.job, group: job.group, requestBytes, endsAtMs: (startedAtMs ?? nowMs) + lasts };
          }),
          availableBytes: host.memory.availableBytes - host.size.memoryBytes * 0.1,
          closed: this.#isAdmitting ? undefined : "memory is short",
        },
      ],
      nowMs,
    );
    const waiting = new Map(this.#waiting.map((one) => [one.job.job, one]));
    for (const { job, blockedSinceMs } of admission.waiting) {
      const one = waiting.get(job);
      if (one !== undefined) one.blockedSinceMs = blockedSinceMs;
    }
    for (const { job, requestBytes } of admission.admitted) {
      const one = waiting.get(job);
      if (one === undefined) continue;
      waiting.delete(job);
      const blockedMs = nowMs - (one.blockedSinceMs ?? nowMs);
      this.outcome.longestBlockedMs = Math.max(this.outcome.longestBlockedMs, blockedMs);
      host.groups.get(one.job.group)?.queue.push(this.#task(one, requestBytes));
    }
    for (const { job } of admission.refused) {
      waiting.delete(job);
      this.outcome.givenUp += 1;
      this.#open -= 1;
    }
    this.#waiting = [...waiting.values()];
  }

  #task({ job, committedMs }: Waiting, requestBytes: number): Task {
    return newTask(job, committedMs, requestBytes, this.#random);
  }
}

/** An attempt about to be queued, with what chance has in store for it. */
export function newTask(job: SimulatedJob, committedMs: number, requestBytes: number, random: Random): Task {
  const crashes = random.next() < crashShare;
  const crashAtMs = crashes ? committedMs + (job.workMs - committedMs) * random.next() : undefined;
  return {
    job,
    requestBytes,
    fromMs: committedMs,
    startedAtMs: undefined,
    doneMs: committedMs,
    peakBytes: 0,
    isStopAsked: false,
    crashAtMs,
    noise: random.spread(0.04),
  };
}

function queued({ job, requestBytes }: Task): QueuedUnit {
  return { unit: job.job, group: job.group, requestBytes };
}

function endOf(how: Ended["how"], { peakBytes }: Task): JobEnd {
  switch (how) {
    case "done":
      return { kind: "done" };
    case "out of memory":
      return { kind: "out of memory", peakBytes };
    case "crashed":
      return { kind: "failed", exitCode: undefined, code: "SIGSEGV" };
    case "lost":
      return { kind: "lost" };
    case "stopped":
    case "killed":
      return { kind: "stopped" };
    default:
      return how satisfies never;
  }
}
