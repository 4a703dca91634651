import { startMs, type SimulatedJob } from "./workload.ts";
import type { HostSize } from "./host.ts";

/** What no rule can beat: nothing fails, nothing waits, every request is exactly what the job needs. */
export interface LowerBound {
  /** All work spread over all cores. */
  readonly workMs: number;
  /** The longest job, alone. */
  readonly longestMs: number;
  /** Memory times time of all jobs, over the budget. */
  readonly memoryMs: number;
  readonly boundMs: number;
}

export function lowerBound(jobs: readonly SimulatedJob[], { cores, memoryBytes, reserveBytes }: HostSize): LowerBound {
  const alone = (job: SimulatedJob): number => startMs + job.workMs / job.cores;
  const total = (of: (job: SimulatedJob) => number): number => jobs.reduce((sum, job) => sum + of(job), 0);
  const workMs = total((job) => startMs + job.workMs) / cores;
  const longestMs = jobs.reduce((longest, job) => Math.max(longest, alone(job)), 0);
  const memoryMs = total((job) => job.peakBytes * alone(job)) / (memoryBytes - reserveBytes);
  return { workMs, longestMs, memoryMs, boundMs: Math.max(workMs, longestMs, memoryMs) };
}
