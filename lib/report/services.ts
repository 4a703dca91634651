import type { ServiceName } from "../model/services.ts";
import type { ServicesPlan } from "../services/install.ts";
import type { ServiceStatus } from "../services/status.ts";
import { textTable } from "./text-table.ts";

/** What `services install` answers. */
export function plannedUnitLines(host: string, { units }: ServicesPlan, isPlan: boolean): string[] {
  if (units.length === 0) return [`${host}: no services; name some, or give it services = [...] in fleet.toml`];
  return units.map(({ file, change }) => {
    const what = { new: "new", changed: "changed", none: "as it was" }[change];
    return `${host}: ${file} ${isPlan && change !== "none" ? `would be ${what}` : what}`;
  });
}

/** The same under `--json`. */
export function plannedUnitFields(host: string, { units }: ServicesPlan): Readonly<Record<string, unknown>>[] {
  return units.map(({ service, file, change }) => ({ host, service, unit: file, change }));
}

/** A service's state, and what is wrong with it. */
export interface JudgedService extends ServiceStatus {
  readonly trouble: string | undefined;
}

/**
 * What is wrong with a service; undefined where all is as it should be.
 * @param wanted those that fleet.toml names for the host
 */
export function troubleOf(status: ServiceStatus, wanted: readonly ServiceName[]): string | undefined {
  const { service, installed, isEnabled, state = "", failure } = status;
  if (installed === "no") return wanted.includes(service) ? "not installed, and fleet.toml names it" : undefined;
  if (failure !== undefined) return failure;
  if (!state.startsWith("active")) return "it does not run";
  return isEnabled ? undefined : "it does not start by itself";
}

/** What `services status` answers. */
export function serviceLines(
  hosts: readonly { readonly host: string; readonly services: readonly JudgedService[] }[],
): string[] {
  const rows = hosts.flatMap(({ host, services }) =>
    services.map(({ service, installed, state, next, trouble }) => [
      host,
      service,
      { yes: state ?? "", no: "not installed", foreign: `${state}, somebody else's` }[installed],
      next ?? "",
      trouble ?? "",
    ]),
  );
  return textTable(
    ["host", "service", "state", "next run", "trouble"].map((title) => ({ title })),
    rows,
  );
}

/** The same under `--json`. */
export function serviceFields(host: string, services: readonly JudgedService[]): Readonly<Record<string, unknown>>[] {
  return services.map(({ service, installed, isEnabled, state, next, trouble }) => ({
    host,
    service,
    installed,
    enabled: isEnabled,
    state: state ?? null,
    next_run: next ?? null,
    trouble: trouble ?? null,
  }));
}
