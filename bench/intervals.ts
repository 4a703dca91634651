/** A stretch of time. */
export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

/** How long at least one of them was under way. */
export function unionMs(intervals: readonly Interval[]): number {
  let total = 0;
  let through = -Infinity;
  for (const { startMs, endMs } of intervals.toSorted((a, b) => a.startMs - b.startMs)) {
    if (endMs > through) total += endMs - Math.max(startMs, through);
    through = Math.max(through, endMs);
  }
  return total;
}

/** How long one of `wanted` was under way and none of `others`. */
export function onlyMs(wanted: readonly Interval[], others: readonly Interval[]): number {
  return unionMs([...wanted, ...others]) - unionMs(others);
}
