import type { FleetHost } from "../config/index.ts";
import { groupOf, jobGroups } from "../model/groups.ts";
import type { GroupSetup } from "../queue/groups.ts";

/** The groups that a host's jobs may go to. */
export function groupsOf({ thresholds }: Pick<FleetHost, "thresholds">): readonly GroupSetup[] {
  if (thresholds === undefined) return jobGroups;
  const taken = new Set(thresholds.map((threshold) => groupOf([threshold])));
  return jobGroups.filter(({ name }) => taken.has(name));
}

/**
 * How many jobs each group of a host runs at a time to begin with: the usual numbers, made smaller until together they are not more than
 * `jobs_max`; one each at the least.
 */
export function groupSetups(host: Pick<FleetHost, "thresholds" | "jobsMax">): readonly GroupSetup[] {
  const groups = groupsOf(host);
  const parallel = groups.map((group) => group.parallel);
  const sum = (): number => parallel.reduce((total, one) => total + one, 0);
  while (sum() > host.jobsMax && Math.max(...parallel) > 1) {
    const largest = parallel.indexOf(Math.max(...parallel));
    parallel[largest] = (parallel[largest] ?? 1) - 1;
  }
  return groups.map(({ name }, i) => ({ name, parallel: parallel[i] ?? 1 }));
}
