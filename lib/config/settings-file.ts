import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { ConfigurationError } from "../model/errors.ts";
import { parseToml } from "./toml.ts";
import { lineOfKey } from "./toml-lines.ts";

/** A file's `[env]` table: names to text. */
export interface SettingsFile {
  readonly path: string;
  readonly values: Readonly<Record<string, string>>;
}

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const fileShape = z.object({ env: z.record(z.string(), z.unknown()).default({}) });
const valueTable = z.object({ value: scalar });

/** mise reads these names; the local one is for secrets and wins. */
const sharedNames = [".mise.toml", "mise.toml"];
const localNames = [".mise.local.toml", "mise.local.toml"];

/**
 * The `[env]` settings of the nearest `.mise.toml`, from `start` upward. Read without mise, so that programs started by
 * launchd, cron or ssh see the values an interactive shell with mise sees.
 * @throws ConfigurationError SETTINGS_FILE on text that is not TOML, or a value that only mise could work out
 */
export function findSettingsFile(start: string): SettingsFile | undefined {
  for (let folder = resolve(start); ; folder = dirname(folder)) {
    const shared = firstExisting(folder, sharedNames);
    if (shared !== undefined) {
      const local = firstExisting(folder, localNames);
      const both = { ...readEnvTable(shared), ...(local === undefined ? {} : readEnvTable(local)) };
      return { path: shared, values: withoutEmpty(both) };
    }
    if (dirname(folder) === folder) return undefined;
  }
}

/** The `[env]` settings of one named file. @throws ConfigurationError SETTINGS_FILE */
export function readSettingsFile(path: string): SettingsFile {
  return { path: resolve(path), values: withoutEmpty(readEnvTable(path)) };
}

/** An empty text is no value: it unsets what another file says. */
function withoutEmpty(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}

function firstExisting(folder: string, names: readonly string[]): string | undefined {
  return names.map((name) => join(folder, name)).find((path) => existsSync(path));
}

function readEnvTable(path: string): Record<string, string> {
  const text = readText(path);
  const shape = fileShape.safeParse(parseToml(text, path, "SETTINGS_FILE"));
  if (!shape.success) {
    throw new ConfigurationError("env is not a table of names and values", {
      code: "SETTINGS_FILE",
      subject: `${path}:${lineOfKey(text, ["env"])}`,
      hint: "write [env] on a line of its own and NAME = value below it",
    });
  }
  const { env } = shape.data;
  const values: Record<string, string> = {};
  for (const [name, raw] of Object.entries(env)) {
    // `_` holds mise's directives (path, file, source), which are no settings; `false` is how mise unsets a name.
    if (name === "_" || raw === false) continue;
    const parsed = z.union([scalar, valueTable.transform((table) => table.value)]).safeParse(raw);
    const value = parsed.success ? String(parsed.data) : undefined;
    if (value === undefined || value.includes("{{")) {
      throw new ConfigurationError(`${name} must be plain text, a number or true/false`, {
        code: "SETTINGS_FILE",
        subject: `${path}:${lineOfKey(text, ["env", name])}`,
        hint: "templates and other directives need mise itself, and programs started by cron or ssh run without it",
      });
    }
    values[name] = value;
  }
  return values;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigurationError("the settings file cannot be read", {
      code: "SETTINGS_FILE",
      subject: path,
      hint: "BARKEEP_SETTINGS names another file; BARKEEP_SETTINGS=off reads none",
      cause,
    });
  }
}
