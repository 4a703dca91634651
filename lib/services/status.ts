import type { FleetHost } from "../config/index.ts";
import type { Host } from "../hosts/index.ts";
import type { ServiceName } from "../model/services.ts";
import { lookAtUnits, type HostUnits } from "./host-units.ts";
import { isRendered, unitsOf } from "./units.ts";

/** A service of a host as it is. */
export interface ServiceStatus {
  readonly service: ServiceName;
  /** `foreign`: a unit of its name is there that is somebody else's. */
  readonly installed: "yes" | "no" | "foreign";
  /** As systemd says it: `active (running)`, `active (waiting)`, `failed (failed)`; undefined where it is not installed. */
  readonly state: string | undefined;
  /** When a timer's service is to run next, as systemd writes it. */
  readonly next: string | undefined;
  /** What is wrong with it; undefined where all is as it should be. */
  readonly trouble: string | undefined;
}

/**
 * Looks at services of a host. One that is not installed is in trouble only where the fleet file wants it there.
 * @throws as `lookAtUnits`
 */
export async function serviceStatus(
  host: Host,
  entry: FleetHost,
  names: readonly ServiceName[],
): Promise<ServiceStatus[]> {
  const there = await lookAtUnits(host, entry, entry.directory, names);
  return names.map((service) => {
    const { starts } = unitsOf(service);
    const text = there.texts.get(starts);
    if (text === undefined) {
      const trouble = entry.services.includes(service) ? "not installed, and fleet.toml names it" : undefined;
      return { service, installed: "no", state: undefined, next: undefined, trouble };
    }
    const next = property(there, starts, "NextElapseUSecRealtime");
    return {
      service,
      installed: isRendered(text) ? "yes" : "foreign",
      state: `${property(there, starts, "ActiveState")} (${property(there, starts, "SubState")})`,
      next: next === "" ? undefined : next,
      trouble: troubleOf(service, there),
    };
  });
}

function troubleOf(service: ServiceName, there: HostUnits): string | undefined {
  const { files, starts } = unitsOf(service);
  const failed = files.find((file) => !["", "success"].includes(property(there, file, "Result")));
  if (failed !== undefined) {
    return `${property(there, failed, "Result")}, exit ${property(there, failed, "ExecMainStatus")}`;
  }
  if (property(there, starts, "ActiveState") !== "active") return "it does not run";
  return property(there, starts, "UnitFileState") === "enabled" ? undefined : "it does not start by itself";
}

function property({ properties }: HostUnits, unit: string, name: string): string {
  return properties.get(unit)?.get(name) ?? "";
}
