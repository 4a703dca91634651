/** The queue's groups of work of ours, and how many jobs each runs at a time to begin with; `px` takes thresholds that have no group of their own. */
export const jobGroups = [
  { name: "p1", parallel: 4 },
  { name: "p2", parallel: 2 },
  { name: "p3", parallel: 3 },
  { name: "px", parallel: 2 },
] as const;
export type WorkGroup = (typeof jobGroups)[number]["name"];

/** The same, the most demanding first. */
export const workGroups: readonly WorkGroup[] = ["p2", "p3", "p1", "px"];

/**
 * The group of a job: that of its most demanding threshold, by the memory that was seen. p2 where it has 250 dbps, else p3 for
 * 500 or 750, p1 for 1000, px for others.
 */
export function groupOf(thresholds: readonly number[]): WorkGroup {
  const has = (...wanted: readonly number[]): boolean => thresholds.some((threshold) => wanted.includes(threshold));
  if (has(250)) return "p2";
  if (has(500, 750)) return "p3";
  return has(1000) ? "p1" : "px";
}

/** Is it one of ours? A queue may have others. */
export function isWorkGroup(name: string): name is WorkGroup {
  return workGroups.some((group) => group === name);
}
