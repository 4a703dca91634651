import { join, resolve } from "node:path";
import { ConfigurationError } from "../model/errors.ts";
import { markets, type Market } from "../model/markets.ts";
import { segmentations, type Segmentation } from "../model/segments.ts";
import { checkedBand, parseGroupMax, type AutoscaleSettings } from "./autoscale.ts";
import { readChannels, type ChannelName } from "./channels.ts";
import type { Environment } from "./environment.ts";
import { fleetBeside } from "./fleet.ts";
import { projectRoot } from "./project-root.ts";
import { settingDefinition, settingDefinitions, type SettingName } from "./setting-definitions.ts";
import { describeSource, type SettingText } from "./setting-source.ts";
import { storeModes, type StoreMode } from "./store-candidates.ts";
import { storeUrlOf } from "./store-url.ts";

export const symbolGates = ["strict", "warn", "off"] as const;
/** What happens to a symbol that the registry lacks or disables. */
export type SymbolGate = (typeof symbolGates)[number];

/** The settings, parsed. Paths are absolute. Threshold floors are read where they apply: `thresholdFloor`. */
export interface Settings {
  readonly stateDirectory: string;
  readonly symbolsFile: string;
  /** Undefined where none is named and none stands beside the registry. */
  readonly fleetFile: string | undefined;
  /** Undefined for the user's and the system's own. */
  readonly sshConfigFile: string | undefined;
  /** A directory (absolute) or an http(s) URL without a slash at its end. */
  readonly archive: string | undefined;
  /** Wins over the registry's market. */
  readonly market: Market | undefined;
  readonly json: boolean;
  /** Without it the embedded engine in the state directory is used. */
  readonly storeUrl: string | undefined;
  readonly storeUser: string | undefined;
  readonly storePassword: string | undefined;
  readonly storeMode: StoreMode;
  /** SSH aliases in the order they are tried. */
  readonly storeHosts: readonly string[];
  /** The alias that is tried before these. */
  readonly storePrimary: string | undefined;
  readonly segmentation: Segmentation;
  readonly symbolGate: SymbolGate;
  /** How long a build that was replaced is kept for undo. */
  readonly undoDays: number;
  /** What may be sent from this machine; none where sending is off. */
  readonly notify: readonly ChannelName[];
  readonly telegramToken: string | undefined;
  readonly telegramChat: string | undefined;
  /** Without a slash at its end. */
  readonly telegramApi: string;
  readonly webhookUrl: string | undefined;
  readonly pingUrl: string | undefined;
  readonly autoscale: AutoscaleSettings;
}

/** The common flags as typed; absent ones fall through to the environment. */
export interface SettingFlags {
  readonly state?: string | undefined;
  readonly symbols?: string | undefined;
  readonly fleet?: string | undefined;
  readonly "ssh-config"?: string | undefined;
  readonly archive?: string | undefined;
  readonly market?: string | undefined;
  readonly json?: boolean | undefined;
}

/**
 * Flag, then environment, then settings file, then default.
 * @throws ConfigurationError BAD_SETTING naming the value, where it came from and what is allowed
 */
export function loadSettings(flags: SettingFlags, environment: Environment): Settings {
  const find = (name: SettingName): SettingText | undefined => settingText(name, flags, environment);
  const path = (name: SettingName): string | undefined => pathOf(find(name), environment);
  const symbolsFile = path("symbolsFile") ?? join(projectRoot, "symbols.toml");
  return {
    stateDirectory: path("stateDirectory") ?? resolve(settingDefinitions.stateDirectory.default),
    symbolsFile,
    fleetFile: path("fleetFile") ?? fleetBeside(symbolsFile),
    sshConfigFile: path("sshConfigFile"),
    archive: isUrl(find("archive")?.text) ? find("archive")?.text.replace(/\/+$/, "") : path("archive"),
    market: oneOf(find("market"), markets),
    json: ["true", "1"].includes(oneOf(find("json"), ["true", "1", "false", "0"]) ?? "false"),
    storeUrl: storeUrlOf(environment)?.url,
    storeUser: find("storeUser")?.text,
    storePassword: find("storePassword")?.text,
    storeMode: oneOf(find("storeMode"), storeModes) ?? settingDefinitions.storeMode.default,
    storeHosts: (find("storeHosts")?.text.split(",") ?? [])
      .map((alias) => alias.trim())
      .filter((alias) => alias !== ""),
    storePrimary: find("storePrimary")?.text,
    segmentation: oneOf(find("segmentation"), segmentations) ?? settingDefinitions.segmentation.default,
    symbolGate: oneOf(find("symbolGate"), symbolGates) ?? settingDefinitions.symbolGate.default,
    undoDays: wholeNumber(find("undoDays")) ?? Number(settingDefinitions.undoDays.default),
    notify: readChannels(find("notify")),
    telegramToken: find("telegramToken")?.text,
    telegramChat: find("telegramChat")?.text,
    telegramApi: httpUrl(find("telegramApi")) ?? settingDefinitions.telegramApi.default,
    webhookUrl: httpUrl(find("webhookUrl")),
    pingUrl: httpUrl(find("pingUrl")),
    autoscale: autoscaleOf(find),
  };
}

function autoscaleOf(find: (name: SettingName) => SettingText | undefined): AutoscaleSettings {
  const percent = (name: SettingName): number => wholeNumber(find(name)) ?? Number(settingDefinition(name).default);
  const { env, default: fallback } = settingDefinitions.autoscaleGroupMax;
  return {
    cpu: checkedBand(
      percent("autoscaleCpuFloor"),
      percent("autoscaleCpuCeiling"),
      "AUTOSCALE_CPU_FLOOR, AUTOSCALE_CPU_CEILING",
    ),
    memory: checkedBand(
      percent("autoscaleMemFloor"),
      percent("autoscaleMemCeiling"),
      "AUTOSCALE_MEM_FLOOR, AUTOSCALE_MEM_CEILING",
    ),
    groupMax: parseGroupMax(find("autoscaleGroupMax")?.text ?? fallback, env, fallback),
  };
}

/** One setting's text and where it came from; undefined where nothing is set and there is no default. */
export function settingText(name: SettingName, flags: SettingFlags, environment: Environment): SettingText | undefined {
  const definition = settingDefinition(name);
  const flag = flagText(definition.flag, flags);
  if (flag !== undefined) return { text: flag, source: { from: "flag", name: `--${definition.flag}` } };
  if (name === "storeUrl") {
    const store = storeUrlOf(environment);
    return store && { text: store.url, source: { from: store.layer, name: store.name } };
  }
  for (const { layer, values } of environment.layers) {
    for (const name of definition.also === undefined ? [definition.env] : [definition.env, definition.also]) {
      const text = values[name];
      if (text !== undefined) return { text, source: { from: layer, name } };
    }
  }
  return definition.default === undefined ? undefined : { text: definition.default, source: { from: "default" } };
}

function flagText(flag: string | undefined, flags: SettingFlags): string | undefined {
  const values: Readonly<Partial<Record<string, string | boolean>>> = { ...flags };
  return flag === undefined ? undefined : values[flag]?.toString();
}

function pathOf(found: SettingText | undefined, environment: Environment): string | undefined {
  if (found === undefined) return undefined;
  return resolve(found.source.from === "settings-file" ? environment.settingsFolder : process.cwd(), found.text);
}

function isUrl(text: string | undefined): boolean {
  return text !== undefined && /^https?:\/\//.test(text);
}

function oneOf<T extends string>(found: SettingText | undefined, allowed: readonly T[]): T | undefined {
  if (found === undefined) return undefined;
  const value = allowed.find((candidate) => candidate === found.text);
  if (value !== undefined) return value;
  throw new ConfigurationError(`"${found.text}" is not one of ${allowed.join(", ")}`, {
    code: "BAD_SETTING",
    subject: describeSource(found.source),
    hint: `set it to one of ${allowed.join(", ")}, or unset it`,
  });
}

/** The text may be a secret: it is not said. */
function httpUrl(found: SettingText | undefined): string | undefined {
  if (found === undefined || (isUrl(found.text) && URL.canParse(found.text))) return found?.text.replace(/\/+$/, "");
  throw new ConfigurationError("is not an http(s) URL", {
    code: "BAD_SETTING",
    subject: describeSource(found.source),
    hint: "set it to a URL that begins with https:// or http://, or unset it",
  });
}

function wholeNumber(found: SettingText | undefined): number | undefined {
  if (found === undefined || /^\d{1,6}$/.test(found.text)) return found && Number(found.text);
  throw new ConfigurationError(`"${found.text}" is not a whole number`, {
    code: "BAD_SETTING",
    subject: describeSource(found.source),
    hint: "set it to a whole number, or unset it",
  });
}
