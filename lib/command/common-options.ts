import { settingDefinition, type SettingName } from "../config/index.ts";
import { markets } from "../model/markets.ts";
import type { OptionSpec } from "./options.ts";

/** A setting's flag; its environment name and default come from the one table of settings. */
function optionOf(name: SettingName, type: OptionSpec["type"], extra: Pick<OptionSpec, "choices"> = {}): OptionSpec {
  const { describe, env, default: fallback } = settingDefinition(name);
  const shown = fallback === undefined || type === "boolean" ? describe : `${describe} (default ${fallback})`;
  return { type, describe: shown, env, group: "Common options:", ...extra };
}

type CommonFlag = "state" | "symbols" | "fleet" | "ssh-config" | "archive" | "market" | "json";

/** The flags that every verb has. `loadSettings` resolves them. */
export const commonOptions: Readonly<Record<CommonFlag, OptionSpec>> = {
  state: optionOf("stateDirectory", "string"),
  symbols: optionOf("symbolsFile", "string"),
  fleet: optionOf("fleetFile", "string"),
  "ssh-config": optionOf("sshConfigFile", "string"),
  archive: optionOf("archive", "string"),
  market: optionOf("market", "string", { choices: markets }),
  json: optionOf("json", "boolean"),
};
