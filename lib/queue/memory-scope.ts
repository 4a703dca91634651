import type { JobName } from "./label.ts";

/**
 * The name of a job on a host, the same for every attempt and whoever queued it: the host itself refuses a second one. Jobs of other
 * thresholds may run beside it; where some are the same, the lease keeps the second one out. Dots part it: none of the parts has one.
 */
export function scopeUnit({ venue, market, symbol, segment, thresholds }: JobName): string {
  const sorted = [...thresholds].sort((a, b) => a - b).join("-");
  return `barkeep.range.${venue}.${market}.${symbol}.${segment}.${sorted}`;
}

/**
 * Above this share of the limit the kernel reclaims, and makes the job wait for it: by the square of how far above it is. One percent is
 * within the 10 ms a time that it lets pass. With ten percent a job that cannot give anything back (there is no swap) crept along just under its limit for
 * many minutes and was never killed, so that nothing could type what was wrong; with one it is killed as soon as without it.
 */
const highShare = 0.99;

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
