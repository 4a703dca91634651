import type { HostSize } from "./host.ts";
import { startMs, type SimulatedJob } from "./workload.ts";

/** What no rule can beat: nothing fails, nothing waits, every request is exactly what the job needs. */
export interface LowerBound {
  /** When the host, with the cores that its neighbours and restarts left it, could have done all work. */
  readonly workMs: number;
  /** The same on a host that nobody disturbs. */
  readonly undisturbedWorkMs: number;
  /** The longest job, alone. */
  readonly longestMs: number;
  /** Memory times time of all jobs, over the budget. */
  readonly memoryMs: number;
  readonly boundMs: number;
}

/** All work, in milliseconds of one core. */
export function totalWorkMs(jobs: readonly SimulatedJob[]): number {
  return jobs.reduce((sum, job) => sum + startMs + job.workMs, 0);
}

function alone(job: SimulatedJob): number {
  return (startMs + job.workMs) / job.cores;
}

/** @param workMs when the host could have done all work */
export function lowerBound(
  jobs: readonly SimulatedJob[],
  { cores, memoryBytes, reserveBytes }: HostSize,
  workMs: number,
): LowerBound {
  const longestMs = jobs.reduce((longest, job) => Math.max(longest, alone(job)), 0);
  const area = jobs.reduce((sum, job) => sum + job.peakBytes * alone(job), 0);
  const memoryMs = area / (memoryBytes - reserveBytes);
  return {
    workMs,
    undisturbedWorkMs: totalWorkMs(jobs) / cores,
    longestMs,
    memoryMs,
    boundMs: Math.max(workMs, longestMs, memoryMs),
  };
}
