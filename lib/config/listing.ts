import type { Environment } from "./environment.ts";
import { settingDefinition, settingNames, symbolFloorPrefix } from "./setting-definitions.ts";
import { describeSource } from "./setting-source.ts";
import { loadSettings, settingText, type SettingFlags } from "./settings.ts";
import { maskUrl } from "./store-url.ts";
import { floorSetting } from "./thresholds.ts";

/** A setting as `barkeep config` shows it. */
export interface SettingRow {
  readonly name: string;
  readonly value: string | null;
  /** `--state`, `BARKEEP_STATE (environment)`, `BARKEEP_STATE (settings file)`, `default`, or `not set`. */
  readonly from: string;
  /** The name that sets it in the environment or the settings file. */
  readonly env: string;
  readonly describe: string;
}

/** Read where they apply; a listing must not show one that would be refused there. */
const floorNames = ["cryptoFloor", "forexFloor", "equitiesFloor", "unknownFloor"] as const;

const masked = "***";

/**
 * Every setting with its value as resolved and where it came from, secrets masked; then each symbol's own floor.
 * @throws ConfigurationError BAD_SETTING, as {@link loadSettings}
 */
export function listSettings(flags: SettingFlags, environment: Environment): SettingRow[] {
  // Lists are shown as they were written.
  const { storeHosts: _hosts, notify: _channels, autoscale: _limits, ...scalars } = loadSettings(flags, environment);
  const resolved: Readonly<Partial<Record<string, string | boolean | number>>> = scalars;
  for (const name of floorNames) floorSetting(settingDefinition(name).env, environment.values);
  const rows = settingNames.map((name): SettingRow => {
    const { describe, env, secret } = settingDefinition(name);
    const value = resolved[name];
    const text = settingText(name, flags, environment);
    const from =
      text === undefined && value === undefined ? "not set" : describeSource(text?.source ?? { from: "default" });
    const shown = value ?? text?.text;
    return { name, value: shown === undefined ? null : mask(String(shown), secret), from, env, describe };
  });
  for (const [env, value] of Object.entries(environment.values)) {
    if (!env.startsWith(symbolFloorPrefix) || value === undefined) continue;
    floorSetting(env, environment.values);
    const layer = environment.layers.find(({ values }) => values[env] !== undefined)?.layer ?? "environment";
    const symbol = env.slice(symbolFloorPrefix.length);
    const describe = `least threshold of ${symbol}, dbps`;
    rows.push({ name: `${symbol} floor`, value, from: describeSource({ from: layer, name: env }), env, describe });
  }
  return rows;
}

function mask(value: string, secret: boolean | undefined): string {
  return secret === true ? masked : maskUrl(value);
}
