import { lowerBound, totalWorkMs, type LowerBound } from "./bounds.ts";
import { makeDisturbances, neighbourRampMs, type Disturbance } from "./disturbances.ts";
import { SimulatedHost, type Ended, type HostSize } from "./host.ts";
import { Random } from "./random.ts";
import type { Rules, RulesOutcome } from "./rules.ts";
import type { SimulatedJob } from "./workload.ts";

export interface Simulation extends RulesOutcome {
  readonly jobs: number;
  readonly makespanMs: number;
  readonly bound: LowerBound;
  /** Steps of the clock at which the limits of what was running and queued by us exceeded the budget. */
  readonly overCommits: number;
  /** Times that the host's kernel had to kill something because all memory was used. */
  readonly overruns: number;
  readonly ends: Readonly<Record<Ended["how"], number>>;
  readonly disturbances: number;
}

const stepMs = 500;
const giveUpMs = 24 * 3_600_000;

/** Runs a plan to its end on a virtual clock. The same seed disturbs every set of rules in the same way. */
export function simulate(
  size: HostSize,
  jobs: readonly SimulatedJob[],
  makeRules: (random: Random) => Rules,
  seed: number,
): Simulation {
  const host = new SimulatedHost(size, size.memoryBytes * 0.06, new Random(seed + 1));
  const disturbances = makeDisturbances(size.memoryBytes, size.cores, new Random(seed + 2));
  const rules = makeRules(new Random(seed + 3));
  const ends = { done: 0, "out of memory": 0, crashed: 0, lost: 0, stopped: 0, killed: 0 };
  const allWorkMs = totalWorkMs(jobs);
  let couldHaveDoneMs = 0;
  let workMs = 0;
  let overCommits = 0;
  let nowMs = 0;
  const settle = (ended: readonly Ended[]): void => {
    for (const one of ended) {
      ends[one.how] += 1;
      rules.ended(host, one, nowMs);
    }
  };
  rules.begin(host);
  for (; !rules.isFinished && nowMs < giveUpMs; nowMs += stepMs) {
    rules.tick(host, nowMs);
    settle(disturb(host, disturbances, nowMs));
    if (couldHaveDoneMs < allWorkMs) {
      couldHaveDoneMs += host.freeCores * stepMs;
      workMs = nowMs + stepMs;
    }
    settle(host.step(nowMs, stepMs));
    const limits = host.running.reduce((sum, task) => sum + task.requestBytes, 0);
    if (limits > size.memoryBytes - size.reserveBytes) overCommits += 1;
  }
  return {
    ...rules.outcome,
    jobs: jobs.length,
    makespanMs: nowMs,
    bound: lowerBound(jobs, size, workMs),
    overCommits,
    overruns: host.overruns,
    ends,
    disturbances: disturbances.filter(({ atMs }) => atMs < nowMs).length,
  };
}

/** What the world does to the host at this instant; who is lost by it comes back. */
function disturb(host: SimulatedHost, disturbances: readonly Disturbance[], nowMs: number): readonly Ended[] {
  let lost: readonly Ended[] = [];
  host.otherBytes = host.size.memoryBytes * 0.06;
  host.otherCores = 0;
  for (const one of disturbances) {
    if (one.atMs > nowMs) break;
    if (one.kind === "neighbour") {
      if (nowMs >= one.untilMs) continue;
      const share = Math.min(1, (nowMs - one.atMs) / neighbourRampMs);
      host.otherBytes += one.bytes * share;
      host.otherCores += one.cores * share;
      continue;
    }
    if (isNow(one.atMs, nowMs)) {
      lost = host.restart();
      host.isReachable = false;
    }
    if (isNow(one.untilMs, nowMs)) host.isReachable = true;
    if (isNow(one.resumedAtMs, nowMs)) for (const group of host.groups.values()) group.isPaused = false;
  }
  return lost;
}

function isNow(atMs: number, nowMs: number): boolean {
  return atMs <= nowMs && atMs > nowMs - stepMs;
}
