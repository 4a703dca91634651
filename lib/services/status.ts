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
  /** It starts by itself. */
  readonly isEnabled: boolean;
  /** As systemd says it: `active (running)`, `active (waiting)`, `failed (failed)`; undefined where it is not installed. */
  readonly state: string | undefined;
  /** What its last run, or the unit, failed with. */
  readonly failure: string | undefined;
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
    const { files, starts } = unitsOf(service);
    const text = there.texts.get(starts);
    if (text === undefined) {
      const trouble = entry.services.includes(service) ? "not installed, and fleet.toml names it" : undefined;
      const none = { state: undefined, failure: undefined, next: undefined };
      return { service, installed: "no", isEnabled: false, ...none, trouble };
    }
    const active = property(there, starts, "ActiveState");
    const next = property(there, starts, "NextElapseUSecRealtime");
    const isEnabled = property(there, starts, "UnitFileState") === "enabled";
    const failure = failureOf(files, there);
    const stopped = active === "active" ? undefined : "it does not run";
    return {
      service,
      installed: isRendered(text) ? "yes" : "foreign",
      isEnabled,
      state: `${active} (${property(there, starts, "SubState")})`,
      failure,
      next: next === "" ? undefined : next,
      trouble: failure ?? stopped ?? (isEnabled ? undefined : "it does not start by itself"),
    };
  });
}

function failureOf(files: readonly string[], there: HostUnits): string | undefined {
  const failed = files.find((file) => !["", "success"].includes(property(there, file, "Result")));
  if (failed === undefined) return undefined;
  return `${property(there, failed, "Result")}, exit ${property(there, failed, "ExecMainStatus")}`;
}

function property({ properties }: HostUnits, unit: string, name: string): string {
  return properties.get(unit)?.get(name) ?? "";
}
