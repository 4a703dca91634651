import { killTree, processTree } from "./process-tree.ts";

/** Resident memory of a worker and its children, looked at a few times a second. */
export interface MemoryWatch {
  /** The most seen so far. */
  readonly residentPeakBytes: number;
  /** How often the tree was killed for being over the limit: 0 or 1. */
  readonly kills: number;
  stop(): void;
}

const intervalMs = 200;

/**
 * Samples the memory of a process and its descendants until it is stopped.
 * @param bytesMax what they may hold together; over it all of them are killed. undefined samples only
 */
export function watchMemory(pid: number, bytesMax: number | undefined): MemoryWatch {
  let residentPeakBytes = 0;
  let kills = 0;
  const sample = (): void => {
    const members = processTree(pid);
    const together = members.reduce((sum, { residentBytes }) => sum + residentBytes, 0);
    // Between two samples a process may have held more and let it go: the kernel remembers, for each of them by itself.
    residentPeakBytes = Math.max(residentPeakBytes, together, ...members.map(({ peakBytes }) => peakBytes));
    if (bytesMax === undefined || together <= bytesMax || kills > 0) return;
    kills += 1;
    killTree(pid);
  };
  const timer = setInterval(sample, intervalMs);
  sample();
  return {
    get residentPeakBytes() {
      return residentPeakBytes;
    },
    get kills() {
      return kills;
    },
    stop: () => clearInterval(timer),
  };
}
