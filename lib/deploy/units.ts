import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot, type FleetHost } from "../config/index.ts";
import { ConfigurationError } from "../model/errors.ts";

/** A file for the user manager of a host. */
export interface UnitFile {
  readonly name: string;
  readonly text: string;
}

/** What the templates in systemd/ may say. */
export interface UnitValues {
  readonly host: string;
  readonly memory_mb: string;
  /** The daemon's path on the host; undefined where the host's queue is another one. */
  readonly pueued: string | undefined;
}

export function unitValues(entry: FleetHost, pueued: string | undefined): UnitValues {
  return { host: entry.name, memory_mb: String(entry.memoryMb), pueued };
}

/** The units of a host, from the templates in systemd/. Those that name a program which the host has not are left out. */
export function renderUnits(values: UnitValues): UnitFile[] {
  const folder = join(projectRoot, "systemd");
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name, template: readFileSync(join(folder, name), "utf8") }))
    .filter(({ template }) => values.pueued !== undefined || !template.includes("{{pueued}}"))
    .map(({ name, template }) => ({ name, text: renderUnit(name, template, { ...values }) }));
}

/**
 * A template with its `{{name}}`s filled in.
 * @throws ConfigurationError UNIT_TEMPLATE for a name that is not known; UNIT_VALUE for a value that systemd would read otherwise
 */
export function renderUnit(
  name: string,
  template: string,
  values: Readonly<Record<string, string | undefined>>,
): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) {
      const hint = `it may say ${Object.keys(values).join(", ")}`;
      throw new ConfigurationError(`systemd/${name} says {{${key}}}`, { code: "UNIT_TEMPLATE", subject: name, hint });
    }
    // Blanks part words there, % and $ begin what is filled in, a line's end begins another setting.
    if (/[\s%$"'\\;]/.test(value)) {
      throw new ConfigurationError(`"${value}" cannot stand in a systemd unit`, {
        code: "UNIT_VALUE",
        subject: name,
        hint: "a path without blanks, quotes, %, $ or \\",
      });
    }
    return value;
  });
}
