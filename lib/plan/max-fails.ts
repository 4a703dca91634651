import type { JobState } from "./canary.ts";

export type PlanVerdict =
  | { readonly verdict: "going on" }
  | { readonly verdict: "finished"; readonly quarantined: number }
  | { readonly verdict: "aborted"; readonly reason: string };

/**
 * How a plan stands. With more than `failsMax` jobs quarantined it is aborted: nothing more is admitted, what runs ends.
 * @param failsMax undefined: never aborted
 */
export function planVerdict(states: readonly JobState[], failsMax: number | undefined): PlanVerdict {
  const quarantined = states.filter((state) => state === "quarantined").length;
  if (failsMax !== undefined && quarantined > failsMax) {
    return { verdict: "aborted", reason: `${quarantined} jobs are quarantined, at most ${failsMax} may be` };
  }
  const isOpen = states.some((state) => state !== "done" && state !== "quarantined");
  return isOpen ? { verdict: "going on" } : { verdict: "finished", quarantined };
}
