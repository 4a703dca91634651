import type { JobName } from "./label.ts";

/**
 * The name of a job's unit of work on a host, the same for every attempt and whoever queued it: the host itself refuses a second
 * one. It holds no thresholds, since the jobs of one symbol and segment read the same archives and take the same leases.
 * Dots part it: none of the parts has one.
 */
export function scopeUnit(job: Pick<JobName, "venue" | "market" | "symbol" | "segment">): string {
  return `barkeep.range.${job.venue}.${job.market}.${job.symbol}.${job.segment}`;
}

/** Reclaim and throttling begin here, before the kernel kills at the limit. */
const highShare = 0.9;

/**
 * A command as the first process of a systemd scope with a limit on its memory.
 * Without OOMPolicy=continue systemd would end the whole scope at the first kill for memory, the supervisor included, before it could
 * say what happened; without --collect a failed scope's name would stay taken.
 */
export function scopeCommand(unit: string, memoryMaxBytes: number, argv: readonly string[]): [string, ...string[]] {
  const properties = [
    `MemoryHigh=${Math.floor(memoryMaxBytes * highShare)}`,
    `MemoryMax=${memoryMaxBytes}`,
    "MemorySwapMax=0",
    "OOMPolicy=continue",
  ];
  return [
    "systemd-run",
    "--user",
    "--scope",
    "--slice=barkeep.slice",
    `--unit=${unit}.scope`,
    "--collect",
    ...properties.flatMap((property) => ["-p", property]),
    "--",
    ...argv,
  ];
}
