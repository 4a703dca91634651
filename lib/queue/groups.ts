import { ConfigurationError } from "../model/errors.ts";

/** A queue's group and how many of its jobs run at a time to begin with. */
export interface GroupSetup {
  readonly name: string;
  readonly parallel: number;
}

/** The phases: 1000 dbps, 250, 500 with 750, and every other threshold. */
export const jobGroups = [
  { name: "p1", parallel: 4 },
  { name: "p2", parallel: 2 },
  { name: "p3", parallel: 3 },
  { name: "px", parallel: 2 },
] as const satisfies readonly GroupSetup[];

export type JobGroup = (typeof jobGroups)[number]["name"];

/** The group of a job: that of its most demanding threshold, by the memory that was seen. */
export function groupOf(thresholds: readonly number[]): JobGroup {
  if (thresholds.includes(250)) return "p2";
  if (thresholds.includes(500) || thresholds.includes(750)) return "p3";
  return thresholds.includes(1000) ? "p1" : "px";
}

/** @throws ConfigurationError BAD_PARALLEL: pueue reads 0 as "no limit", so it must never get there by accident */
export function checkParallel(parallel: number, group: string): void {
  if (Number.isInteger(parallel) && parallel >= 1) return;
  throw new ConfigurationError(`group ${group} cannot run ${parallel} jobs at a time`, {
    code: "BAD_PARALLEL",
    subject: group,
    hint: "a whole number from 1; to run none, pause the group",
  });
}
