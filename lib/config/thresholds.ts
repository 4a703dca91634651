import { ConfigurationError, RefusedError } from "../model/errors.ts";
import { parseThreshold, type ThresholdDbps } from "../model/series.ts";
import type { ProcessEnvironment } from "./environment.ts";
import type { SymbolEntry } from "./registry-schema.ts";
import { settingDefinitions, symbolFloorPrefix } from "./setting-definitions.ts";

/** The least threshold of a symbol, who says so, and the setting that would say otherwise. */
export interface ThresholdFloor {
  readonly floor: ThresholdDbps;
  /** A setting's name, `min_threshold in the registry`, or `built-in floor of crypto`. */
  readonly from: string;
  /** `RANGEBAR_MIN_THRESHOLD_SHIBUSDT`: the setting that wins over all others. */
  readonly setting: string;
}

const floorOfClass = {
  crypto: settingDefinitions.cryptoFloor,
  forex: settingDefinitions.forexFloor,
  equities: settingDefinitions.equitiesFloor,
  unknown: settingDefinitions.unknownFloor,
} as const;

/**
 * A symbol's floor: the symbol's own setting, then the registry's `min_threshold`, then the asset class's setting, then the
 * built-in number of the class.
 * @param entry undefined for a symbol that the registry lacks
 * @throws ConfigurationError BAD_SETTING where a setting is not a threshold
 */
export function thresholdFloor(
  entry: SymbolEntry | undefined,
  symbol: string,
  env: ProcessEnvironment,
): ThresholdFloor {
  const setting = `${symbolFloorPrefix}${symbol}`;
  const own = floorSetting(setting, env);
  if (own !== undefined) return { floor: own, from: setting, setting };
  if (entry?.minThreshold !== undefined) {
    return { floor: parseThreshold(entry.minThreshold), from: "min_threshold in the registry", setting };
  }
  const assetClass = entry?.assetClass ?? "unknown";
  const definition = floorOfClass[assetClass];
  const ofClass = floorSetting(definition.env, env);
  if (ofClass !== undefined) return { floor: ofClass, from: definition.env, setting };
  return { floor: parseThreshold(definition.default), from: `built-in floor of ${assetClass}`, setting };
}

/** @throws RefusedError THRESHOLD_BELOW_FLOOR naming the floor, who set it, and the setting that allows the threshold */
export function checkThreshold(
  entry: SymbolEntry | undefined,
  symbol: string,
  threshold: ThresholdDbps,
  env: ProcessEnvironment,
): void {
  const { floor, from, setting } = thresholdFloor(entry, symbol, env);
  if (threshold >= floor) return;
  throw new RefusedError(`${symbol}@${threshold} is below the symbol's floor of ${floor} dbps (${from})`, {
    code: "THRESHOLD_BELOW_FLOOR",
    subject: `${symbol}@${threshold}`,
    hint: `ask for ${floor} or more, or allow it with ${setting}=${threshold}`,
  });
}

/** A floor's setting, or undefined where it is not set. @throws ConfigurationError BAD_SETTING */
export function floorSetting(name: string, env: ProcessEnvironment): ThresholdDbps | undefined {
  const text = env[name];
  if (text === undefined || text === "") return undefined;
  try {
    return parseThreshold(text);
  } catch (cause) {
    throw new ConfigurationError(`"${text}" is not a threshold in dbps`, {
      code: "BAD_SETTING",
      subject: name,
      hint: "a whole number of 1 … 100000",
      cause,
    });
  }
}
