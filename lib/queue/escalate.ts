const mib = 1 << 20;

/** What is to be done about a job that was killed for memory. */
export type Escalation =
  | { readonly kind: "retry"; readonly memoryBytes: number }
  /** No attempt on this host can succeed: a person has to look. */
  | { readonly kind: "quarantine"; readonly advice: string };

export interface OutOfMemory {
  /** What the attempt was given. */
  readonly memoryMaxBytes: number;
  /** What it was seen to hold: at least the limit in a scope, some more under the watchdog. */
  readonly memoryPeakBytes: number;
  /** The most that one job may be given on the host. */
  readonly hostLimitBytes: number;
}

/** The next size must hold half as much again as what was not enough. */
const growth = 1.5;

/**
 * The next attempt's memory: one size up from the measured peak, never more than the host can give; where the host's limit was
 * already reached, quarantine.
 */
export function escalate({ memoryMaxBytes, memoryPeakBytes, hostLimitBytes }: OutOfMemory): Escalation {
  if (memoryMaxBytes >= hostLimitBytes) {
    return {
      kind: "quarantine",
      advice:
        `it held ${inMib(memoryPeakBytes)} and this host gives one job ${inMib(hostLimitBytes)} at most: ` +
        "run it on a host with more memory, raise memory_mb of this one, or ask for its thresholds in separate jobs",
    };
  }
  const wanted = sizeFor(Math.max(memoryMaxBytes, memoryPeakBytes) * growth);
  return { kind: "retry", memoryBytes: Math.min(wanted, hostLimitBytes) };
}

/** The smallest of 256 MiB, 384, 512, 768, 1024, 1536 … that holds so much. */
export function sizeFor(bytes: number): number {
  let size = 256 * mib;
  while (size < bytes) {
    if (size * growth >= bytes) return size * growth;
    size *= 2;
  }
  return size;
}

function inMib(bytes: number): string {
  return `${Math.round(bytes / mib)} MiB`;
}
