import { workGroups, type WorkGroup } from "../model/groups.ts";
import { quantile } from "./quantile.ts";

/** What was measured of an attempt that did its whole job and ended well. */
export interface MeasuredAttempt {
  readonly group: WorkGroup;
  readonly trades: number;
  readonly peakBytes: number;
  readonly durationMs: number;
}

/** Jobs within a factor of two of each other's trades, and what they reached. */
export interface PeakLesson {
  readonly size: number;
  readonly jobs: number;
  /** At least what every smaller size has. */
  readonly peakBytes: number;
}

/** What earlier attempts teach about later ones. */
export interface Lessons {
  /** Per group, smallest size first; sizes with too few attempts are absent. */
  readonly peaks: ReadonlyMap<WorkGroup, readonly PeakLesson[]>;
  /** Per group; groups with too few attempts are absent. */
  readonly msPerTrade: ReadonlyMap<WorkGroup, number>;
}

/** Before the first trade is read. */
export const startMs = 1000;
/** Fewer attempts teach nothing. */
const attemptsMin = 5;
/** Of measured peaks, the one that is asked for: a request for the greatest of all would keep the host half empty. */
const peakQuantile = 0.75;
/** Zipped bytes of one aggregate trade, as daily archives of the last years have them. */
const zippedBytesPerTrade = 16;

/** About how many trades an archive holds. */
export function tradesOf(archiveBytes: number): number {
  return archiveBytes / zippedBytesPerTrade;
}

/** Jobs of one size have between 2^size and 2^(size + 1) trades. */
export function sizeOf(trades: number): number {
  return Math.floor(Math.log2(Math.max(1, trades)));
}

/** Higher peaks, and longer durations, never teach less. */
export function learn(history: readonly MeasuredAttempt[]): Lessons {
  const peaks = new Map<WorkGroup, readonly PeakLesson[]>();
  const msPerTrade = new Map<WorkGroup, number>();
  for (const group of workGroups) {
    const ofGroup = history.filter((attempt) => attempt.group === group);
    peaks.set(group, peakLessons(ofGroup));
    const rates = ofGroup
      .filter(({ trades }) => trades > 0)
      .map(({ trades, durationMs }) => Math.max(0, durationMs - startMs) / trades);
    if (rates.length >= attemptsMin) msPerTrade.set(group, quantile(rates, 0.5));
  }
  return { peaks, msPerTrade };
}

function peakLessons(attempts: readonly MeasuredAttempt[]): PeakLesson[] {
  const bySize = [...Map.groupBy(attempts, ({ trades }) => sizeOf(trades))]
    .filter(([, members]) => members.length >= attemptsMin)
    .sort(([a], [b]) => a - b);
  let least = 0;
  return bySize.map(([size, members]) => {
    const peaks = members.map(({ peakBytes }) => peakBytes);
    least = Math.max(least, quantile(peaks, peakQuantile));
    return { size, jobs: members.length, peakBytes: least };
  });
}
