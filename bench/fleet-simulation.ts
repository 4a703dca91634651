import type { HostSize } from "./fleet/host.ts";
import { OlderRules } from "./fleet/older-rules.ts";
import { OurRules } from "./fleet/our-rules.ts";
import { simulate, type Simulation } from "./fleet/simulate.ts";
import { makeWorkload } from "./fleet/workload.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { rounded, summary } from "./statistics.ts";

/** A host whose cores are the bound, and one where memory is short as well. */
export const simulatedHosts: readonly HostSize[] = [
  { name: "32 cores, 61 GB", cores: 32, memoryBytes: 61e9, reserveBytes: 6e9 },
  { name: "16 cores, 10 GB", cores: 16, memoryBytes: 10e9, reserveBytes: 2e9 },
];

/**
 * How long a plan of 600 jobs takes over what no rule could beat, under the planner's and autoscaler's rules and under the
 * older ones, on the same jobs with the same crashes, restarts and neighbours. On a virtual clock: the machine plays no part.
 */
export async function* measureFleetSimulation(setting: Setting): AsyncGenerator<Line> {
  const bench = "fleet-simulation";
  const seeds = Array.from({ length: setting.quick ? 2 : 50 }, (_, i) => i + 1);
  for (const size of simulatedHosts) {
    const ours: Simulation[] = [];
    const older: Simulation[] = [];
    for (const seed of seeds) {
      const jobs = makeWorkload(seed);
      ours.push(simulate(size, jobs, (random) => new OurRules(jobs, size.cores, random), seed));
      older.push(simulate(size, jobs, (random) => new OlderRules(jobs, random), seed));
      // Between two plans, not to keep a Ctrl-C waiting.
      await new Promise(setImmediate);
    }
    const ratios = ours.map(ratioOf);
    yield figure(setting, {
      bench,
      what: `600 jobs, makespan over the greedy lower bound, ${size.name}`,
      unit: "ratio",
      summary: summary(ratios, "low"),
      target: { at_most: 1.2 },
      judged: Math.max(...ratios),
      details: { worst: rounded(Math.max(...ratios)), ...detailsOf(ours) },
    });
    const faults = ours.map(({ overCommits, overruns, jobs, done }) => overCommits + overruns + jobs - done);
    yield figure(setting, {
      bench,
      what: `600 jobs, over-commits, host out of memory, or not completed, ${size.name}`,
      unit: "count",
      summary: summary(faults, "low"),
      target: { at_most: 0 },
      judged: Math.max(...faults),
    });
    const olderRatios = older.map(ratioOf);
    yield figure(setting, {
      bench,
      what: `600 jobs under the older rules, makespan over the greedy lower bound, ${size.name}`,
      unit: "ratio",
      summary: summary(olderRatios, "low"),
      details: { worst: rounded(Math.max(...olderRatios)), ...detailsOf(older) },
    });
  }
}

function ratioOf({ makespanMs, bound }: Simulation): number {
  return makespanMs / bound.boundMs;
}

/** Of all seeds together; times are means. */
function detailsOf(simulations: readonly Simulation[]): Record<string, number> {
  const total = (of: (one: Simulation) => number): number => simulations.reduce((sum, one) => sum + of(one), 0);
  const mean = (of: (one: Simulation) => number): number => rounded(total(of) / simulations.length);
  return {
    makespan_seconds: mean(({ makespanMs }) => makespanMs / 1000),
    bound_seconds: mean(({ bound }) => bound.boundMs / 1000),
    bound_work_seconds: mean(({ bound }) => bound.workMs / 1000),
    bound_undisturbed_work_seconds: mean(({ bound }) => bound.undisturbedWorkMs / 1000),
    bound_longest_seconds: mean(({ bound }) => bound.longestMs / 1000),
    bound_memory_seconds: mean(({ bound }) => bound.memoryMs / 1000),
    over_commit_seconds: total(({ overCommits }) => overCommits) / 2,
    host_out_of_memory: total(({ overruns }) => overruns),
    given_up: total(({ givenUp }) => givenUp),
    out_of_memory: total(({ ends }) => ends["out of memory"]),
    crashed: total(({ ends }) => ends.crashed),
    lost: total(({ ends }) => ends.lost),
    stopped: total(({ stopsAsked }) => stopsAsked),
    killed: total(({ kills }) => kills),
    turns: total(({ turns }) => turns),
    disturbances: total(({ disturbances }) => disturbances),
    longest_blocked_seconds: Math.max(...simulations.map(({ longestBlockedMs }) => longestBlockedMs / 1000)),
  };
}
