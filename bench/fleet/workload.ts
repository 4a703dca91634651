import { workGroups, type WorkGroup } from "../../lib/model/groups.ts";
import { Random } from "./random.ts";

/** A job as it really is; the rules under test see only its group, its thresholds and the size of its archives. */
export interface SimulatedJob {
  readonly job: string;
  readonly group: WorkGroup;
  readonly thresholds: number;
  readonly archiveBytes: number;
  readonly trades: number;
  /** Work, in milliseconds of one core. */
  readonly workMs: number;
  /** Cores that it can use at once. */
  readonly cores: number;
  /** What it needs at its most. */
  readonly peakBytes: number;
  /** How far into its work it needs the most: a pump day in the middle of a year, else the end. */
  readonly peakAt: number;
}

const megabyte = 1e6;

/** What a process needs before it has read anything: most of the peak that was measured of `populate`. */
export const baseBytes = 300 * megabyte;
/** Until it reads its first trade, on one core. */
export const startMs = 800;

const shape: Readonly<Record<WorkGroup, { thresholds: number; bytes: number; work: number }>> = {
  p1: { thresholds: 1, bytes: 30 * megabyte, work: 1 },
  p2: { thresholds: 1, bytes: 80 * megabyte, work: 1.5 },
  p3: { thresholds: 2, bytes: 100 * megabyte, work: 1.2 },
  px: { thresholds: 1, bytes: 80 * megabyte, work: 1.5 },
};

/** With every feature column, a nanosecond for each of which there is a measured one in docs/performance.md, and many more. */
const coreNanosecondsPerTrade = 350;
const medianTrades = 50e6;
/** One unit in so many has days that need several times the memory of all others. */
const heavyShare = 0.04;

/**
 * 600 jobs: 30 symbols × 8 years × 3 groups, without p2 where a symbol's floor forbids 250 dbps, as it does for half of them.
 * A few symbols have most of the trades.
 */
export function makeWorkload(seed: number): SimulatedJob[] {
  const random = new Random(seed);
  const jobs: SimulatedJob[] = [];
  for (let symbol = 0; symbol < 30; symbol += 1) {
    const ofSymbol = medianTrades * random.spread(0.9);
    for (let year = 2017; year < 2025; year += 1) {
      const trades = Math.round(ofSymbol * random.spread(0.4));
      for (const group of workGroups) {
        const isWanted = group === "p1" || group === "p3" || (group === "p2" && symbol % 2 === 0);
        if (isWanted) jobs.push(makeJob(`S${symbol}@${group}:${year}`, group, trades, random));
      }
    }
  }
  return jobs;
}

function makeJob(job: string, group: WorkGroup, trades: number, random: Random): SimulatedJob {
  const { thresholds, bytes, work } = shape[group];
  const isHeavy = random.next() < heavyShare;
  const grown = bytes + 25 * megabyte * Math.sqrt(trades / 1e7);
  return {
    job,
    group,
    thresholds,
    archiveBytes: Math.round(trades * 16 * random.spread(0.05)),
    trades,
    workMs: (trades * coreNanosecondsPerTrade * work * random.spread(0.15)) / 1e6,
    cores: 1.6,
    peakBytes: (baseBytes + grown * random.spread(0.15)) * (isHeavy ? random.between(1.6, 4) : 1),
    peakAt: isHeavy ? random.between(0.1, 0.9) : 1,
  };
}

/** What a job needs when so much of its work is done. */
export function bytesAt(job: SimulatedJob, done: number): number {
  const grown = Math.min(1, done / job.peakAt) ** 0.6;
  return baseBytes + (job.peakBytes - baseBytes) * grown;
}
