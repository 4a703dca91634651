import { dirname, resolve } from "node:path";
import { projectRoot } from "./project-root.ts";
import { findSettingsFile, readSettingsFile, type SettingsFile } from "./settings-file.ts";

export type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

/** Which layer a name's value comes from. */
export type Layer = "environment" | "settings-file";

/** The process's environment over the settings file's `[env]`, one view of both. */
export interface Environment {
  /** Every name that has a value; an empty text counts as no value. */
  readonly values: ProcessEnvironment;
  readonly settingsFile: string | undefined;
  /** Names of one layer only, strongest layer first. */
  readonly layers: ReadonlyArray<{ readonly layer: Layer; readonly values: ProcessEnvironment }>;
  /** The folder that relative paths in the settings file start from. */
  readonly settingsFolder: string;
}

/**
 * Reads the settings: process environment first, then `[env]` of `.mise.toml` (`BARKEEP_SETTINGS` names another file,
 * `off` reads none).
 * @throws ConfigurationError SETTINGS_FILE
 */
export function readEnvironment(env: ProcessEnvironment): Environment {
  const file = settingsFileOf(env);
  const fileValues = file?.values ?? {};
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    // mise exports the file's values: a name that has the same text here as there is the file's, with mise or without.
    if (value !== undefined && value !== "" && fileValues[name] !== value) own[name] = value;
  }
  return {
    values: { ...fileValues, ...own },
    settingsFile: file?.path,
    layers: [
      { layer: "environment", values: own },
      { layer: "settings-file", values: fileValues },
    ],
    settingsFolder: file === undefined ? process.cwd() : dirname(file.path),
  };
}

function settingsFileOf(env: ProcessEnvironment): SettingsFile | undefined {
  const named = env["BARKEEP_SETTINGS"];
  if (named === undefined || named === "") return findSettingsFile(projectRoot);
  return named === "off" ? undefined : readSettingsFile(resolve(named));
}
