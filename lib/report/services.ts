import type { RefusedError } from "../model/errors.ts";
import type { ServicesPlan } from "../services/install.ts";
import type { ServiceStatus } from "../services/status.ts";
import { textTable } from "./text-table.ts";

/** What `services install` answers. */
export function plannedUnitLines(host: string, { units, obstacles }: ServicesPlan, isPlan: boolean): string[] {
  if (units.length === 0) return [`${host}: no services; name some, or give it services = [...] in fleet.toml`];
  const lines = units.map(({ file, change }) => {
    const what = { new: "new", changed: "changed", none: "as it was" }[change];
    return `${host}: ${file} ${isPlan && change !== "none" ? `would be ${what}` : what}`;
  });
  return [...lines, ...obstacles.map(obstacleLine)];
}

/** What an installation would be refused for. */
export function obstacleLine({ message, hint, code }: RefusedError): string {
  return `it would be refused: ${message}; ${hint} (${code})`;
}

/** The same under `--json`. @param by what its subject is there: a host, or whatever is in the way */
export function obstacleFields(
  { subject, code, message, hint }: RefusedError,
  by: "host" | "subject",
): Readonly<Record<string, unknown>> {
  return { [by]: subject, code, message, hint };
}

/** Planned units under `--json`. */
export function plannedUnitFields(host: string, { units }: ServicesPlan): Readonly<Record<string, unknown>>[] {
  return units.map(({ service, file, change }) => ({ host, service, unit: file, change }));
}

/** What `services status` answers. */
export function serviceLines(
  hosts: readonly { readonly host: string; readonly services: readonly ServiceStatus[] }[],
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
export function serviceFields(host: string, services: readonly ServiceStatus[]): Readonly<Record<string, unknown>>[] {
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
