import { fleetHost, loadFleet, type FleetHost, type Settings } from "../config/index.ts";
import { ConfigurationError } from "../model/errors.ts";

/** The options by which a command is told which hosts of the fleet it is about. */
export const hostOptions = {
  host: { type: "string", array: true, describe: "a host of the fleet; repeat for more" },
  "all-hosts": { type: "boolean", describe: "every host of the fleet" },
} as const;

interface HostArguments {
  readonly host: readonly string[];
  readonly allHosts: boolean;
}

/** The hosts that were named; none where none was. @throws ConfigurationError of the fleet file; UNKNOWN_HOST */
export function namedHosts({ host, allHosts }: HostArguments, settings: Pick<Settings, "fleetFile">): FleetHost[] {
  if (host.length === 0 && !allHosts) return [];
  const fleet = loadFleet(settings.fleetFile);
  return allHosts ? [...fleet.hosts.values()] : [...new Set(host)].map((name) => fleetHost(fleet, name));
}

/** The same where a command is about hosts and nothing else. @throws ConfigurationError USAGE where none was named */
export function demandedHosts(args: HostArguments, settings: Pick<Settings, "fleetFile">): FleetHost[] {
  const hosts = namedHosts(args, settings);
  if (hosts.length > 0) return hosts;
  throw new ConfigurationError("no host was named", {
    code: "USAGE",
    hint: "give --host NAME once or more, or --all-hosts",
  });
}
