import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  projectRoot,
  settingDefinition,
  settingNames,
  symbolFloorPrefix,
  type FleetHost,
  type ProcessEnvironment,
  type Settings,
} from "../config/index.ts";

/** A file that services work by. */
export interface ServiceFile {
  readonly path: string;
  readonly text: string;
}

/** Where barkeep's services of a host find their settings. */
export interface ServicePlace {
  /** Node and the program. On another machine through `current`: a service follows a deploy when it is started anew. */
  readonly barkeep: readonly string[];
  readonly settingsFile: string;
  readonly files: readonly ServiceFile[];
}

/** What names this machine's own SSH, or how an answer is shown. */
const notForServices: ReadonlySet<string> = new Set(["BARKEEP_JSON", "BARKEEP_SSH_CONFIG"]);
/** Stores that are reached from here; a host's own is `store_url`. */
const storesFromHere: ReadonlySet<string> = new Set(["RANGEBAR_MODE", "RANGEBAR_CH_HOSTS", "RANGEBAR_CH_PRIMARY"]);

/**
 * The settings that services of a host work by: those that hold here and now. On this machine they name its own registry, fleet and state; another
 * one gets copies, a fleet of which it is the only host, and its own store.
 * @param env the environment over the settings file, for settings that are read where they apply
 */
export function servicePlace(entry: FleetHost, settings: Settings, env: ProcessEnvironment): ServicePlace {
  const values: Record<string, string | undefined> = {};
  for (const setting of settingNames) {
    const { env: name, also } = settingDefinition(setting);
    values[name] = env[name] ?? (also === undefined ? undefined : env[also]);
  }
  for (const name of Object.keys(env)) if (name.startsWith(symbolFloorPrefix)) values[name] = env[name];
  for (const name of notForServices) delete values[name];
  const isHere = entry.sshAlias === undefined;
  const folder = join(isHere ? settings.stateDirectory : entry.directory, "services");
  const settingsFile = join(folder, "settings.toml");
  const shared = { BARKEEP_ARCHIVE: settings.archive, BARKEEP_MARKET: settings.market };
  if (isHere) {
    const own = {
      BARKEEP_STATE: settings.stateDirectory,
      BARKEEP_SYMBOLS: settings.symbolsFile,
      BARKEEP_FLEET: settings.fleetFile,
      BARKEEP_SSH_CONFIG: settings.sshConfigFile,
      CLICKHOUSE_URL: settings.storeUrl,
    };
    return {
      barkeep: [process.execPath, join(projectRoot, "bin", "barkeep.mjs")],
      settingsFile,
      files: [{ path: settingsFile, text: settingsText({ ...values, ...shared, ...own }) }],
    };
  }
  for (const name of storesFromHere) delete values[name];
  const symbolsFile = join(folder, "symbols.toml");
  const fleetFile = join(folder, "fleet.toml");
  const there = {
    BARKEEP_STATE: entry.directory,
    BARKEEP_SYMBOLS: symbolsFile,
    BARKEEP_FLEET: fleetFile,
    CLICKHOUSE_URL: entry.storeUrl,
  };
  const current = join(entry.directory, "current");
  return {
    barkeep: [join(current, "node_modules", "node", "bin", "node"), join(current, "bin", "barkeep.mjs")],
    settingsFile,
    files: [
      { path: symbolsFile, text: readFileSync(settings.symbolsFile, "utf8") },
      { path: fleetFile, text: fleetText(entry) },
      { path: settingsFile, text: settingsText({ ...values, ...shared, ...there }) },
    ],
  };
}

/** A fleet whose one host is the machine that reads it. */
export function fleetText(entry: FleetHost): string {
  const keys = {
    ssh: "local",
    directory: entry.directory,
    queue: entry.queue,
    memory_mb: entry.memoryMb,
    jobs_max: entry.jobsMax,
    store_url: entry.storeUrl,
    thresholds: entry.thresholds,
  };
  return `[hosts.${entry.name}]\n${tomlLines(keys)}`;
}

function settingsText(values: Readonly<Record<string, string | undefined>>): string {
  return `[env]\n${tomlLines(values)}`;
}

/** TOML writes texts, numbers and lists of them as JSON does. */
function tomlLines(values: Readonly<Record<string, unknown>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
    .join("");
}
