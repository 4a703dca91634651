import type { FleetHost } from "../config/index.ts";
import { grantedBytes } from "../plan/memory.ts";
import type { FleetJob } from "./jobs.ts";

/** A host that jobs may be given to. */
export type PlacementHost = Pick<FleetHost, "name" | "memoryMb" | "jobsMax" | "thresholds">;

export interface UnplacedUnit {
  readonly unit: string;
  readonly reason: string;
  readonly advice: string;
}

export interface Placement {
  /** Unit → host's name. */
  readonly hosts: ReadonlyMap<string, string>;
  readonly unplaced: readonly UnplacedUnit[];
}

/** What a host has for jobs. */
export function hostLimitBytes({ memoryMb }: Pick<FleetHost, "memoryMb">): number {
  return memoryMb * 1_000_000;
}

/**
 * Which host gets which units. A job goes whole to one that takes all its thresholds, where there is such a one, else to the one that
 * takes the most of them; among equals to the one with the least work for its places. The longest go first, so that none of them is
 * left over at the end.
 * @param jobs the wanted units as if one host took them all
 */
export function placeUnits(jobs: readonly FleetJob[], hosts: readonly PlacementHost[]): Placement {
  const placed = new Map<string, string>();
  const unplaced: UnplacedUnit[] = [];
  const seconds = new Map<string, number>();
  for (const job of jobs.toSorted((a, b) => b.seconds - a.seconds)) {
    let left = job.thresholds.map((threshold, i) => ({ threshold, unit: job.units[i]?.unit ?? "" }));
    const able = hosts.filter((host) => grantedBytes(job.memory, hostLimitBytes(host)) !== undefined);
    while (left.length > 0) {
      const offers = able.map((host) => ({
        host,
        taken: left.filter(({ threshold }) => host.thresholds?.includes(threshold) ?? true),
        load: (seconds.get(host.name) ?? 0) / host.jobsMax,
      }));
      const [best] = offers
        .filter(({ taken }) => taken.length > 0)
        .sort((a, b) => b.taken.length - a.taken.length || a.load - b.load);
      if (best === undefined) break;
      for (const { unit } of best.taken) placed.set(unit, best.host.name);
      seconds.set(best.host.name, (seconds.get(best.host.name) ?? 0) + job.seconds);
      left = left.filter((one) => !best.taken.includes(one));
    }
    for (const { threshold, unit } of left) unplaced.push({ unit, ...refusal(job, threshold, able.length > 0, hosts) });
  }
  return { hosts: placed, unplaced };
}

function refusal(
  job: FleetJob,
  threshold: number,
  isOfThreshold: boolean,
  hosts: readonly PlacementHost[],
): Pick<UnplacedUnit, "reason" | "advice"> {
  const names = hosts.map(({ name }) => name).join(", ");
  if (isOfThreshold) {
    return {
      reason: `${names} does not take ${threshold} dbps`,
      advice: "add it to thresholds of a host in fleet.toml",
    };
  }
  const asked = Math.ceil(job.memory.requestBytes / 1_000_000);
  return {
    reason: `it asks for ${asked} MB, more than ${names} has for jobs (${job.memory.reason})`,
    advice: `raise memory_mb of a host in fleet.toml to ${asked}`,
  };
}
