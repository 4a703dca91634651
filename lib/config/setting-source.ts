import type { Layer } from "./environment.ts";

/** Where a value came from; `name` is the flag or the environment's name. */
export type SettingSource = { readonly from: "flag" | Layer; readonly name: string } | { readonly from: "default" };

/** A setting's text before it is parsed. */
export interface SettingText {
  readonly text: string;
  readonly source: SettingSource;
}

/** `--state`, `BARKEEP_STATE (environment)`, `BARKEEP_STATE (settings file)` or `default`. */
export function describeSource(source: SettingSource): string {
  switch (source.from) {
    case "flag":
      return source.name;
    case "environment":
      return `${source.name} (environment)`;
    case "settings-file":
      return `${source.name} (settings file)`;
    case "default":
      return "default";
    default:
      return source satisfies never;
  }
}
