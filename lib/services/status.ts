import type { FleetHost } from "../config/index.ts";
import type { Host } from "../hosts/index.ts";
import type { ServiceName } from "../model/services.ts";
import { lookAtUnits } from "./host-units.ts";
import { isRendered, unitsOf } from "./units.ts";

/** A service of a host as it is. */
export interface ServiceStatus {
  readonly service: ServiceName;
  /** `foreign`: a unit of its name is there that is somebody else's. */
  readonly installed: "yes" | "no" | "foreign";
  readonly isEnabled: boolean;
  /** As systemd says it: `active (running)`, `active (waiting)`, `failed (failed)`; undefined where it is not installed. */
  readonly state: string | undefined;
  /** The last run failed, or the unit did; what it ended with. */
  readonly failure: string | undefined;
  /** When a timer's service is to run next, as systemd writes it. */
  readonly next: string | undefined;
}

/** Looks at services of a host. @throws as `lookAtUnits` */
export async function serviceStatus(
  host: Host,
  entry: FleetHost,
  names: readonly ServiceName[],
): Promise<ServiceStatus[]> {
  const { texts, properties } = await lookAtUnits(host, entry, entry.directory, names);
  return names.map((service) => {
    const { files, starts } = unitsOf(service);
    const text = texts.get(starts);
    if (text === undefined) {
      return { service, installed: "no", isEnabled: false, state: undefined, failure: undefined, next: undefined };
    }
    const of = (unit: string, name: string): string => properties.get(unit)?.get(name) ?? "";
    const failed = files.find((file) => !["", "success"].includes(of(file, "Result")));
    const next = of(starts, "NextElapseUSecRealtime");
    return {
      service,
      installed: isRendered(text) ? "yes" : "foreign",
      isEnabled: of(starts, "UnitFileState") === "enabled",
      state: `${of(starts, "ActiveState")} (${of(starts, "SubState")})`,
      failure: failed && `${of(failed, "Result")}, exit ${of(failed, "ExecMainStatus")}`,
      next: next === "" ? undefined : next,
    };
  });
}
