import type { ThresholdDbps } from "./series.ts";

/** The queue's groups of work of ours, the most demanding first; `px` takes thresholds that have no group of their own. */
export const workGroups = ["p2", "p3", "p1", "px"] as const;
export type WorkGroup = (typeof workGroups)[number];

/**
 * The group of a job: that of its most demanding threshold. p2 where it has 250 dbps, else p3 for 500 or 750, p1 for 1000, px
 * for others.
 */
export function groupOf(thresholds: readonly ThresholdDbps[]): WorkGroup {
  const has = (...wanted: readonly number[]): boolean => thresholds.some((threshold) => wanted.includes(threshold));
  if (has(250)) return "p2";
  if (has(500, 750)) return "p3";
  return has(1000) ? "p1" : "px";
}
