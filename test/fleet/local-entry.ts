import type { FleetHost } from "../../lib/config/index.ts";

/** This machine as a host of the fleet, with a local queue. */
export function localEntry(directory: string, jobsMax: number): FleetHost {
  return {
    name: "here",
    sshAlias: undefined,
    directory,
    queue: "local",
    memoryMb: 8000,
    jobsMax,
    storeUrl: undefined,
    thresholds: undefined,
    services: [],
  };
}
