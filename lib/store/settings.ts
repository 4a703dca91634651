import type { Settings } from "../config/index.ts";
import type { StoreSettings } from "./store.ts";

/** Where a command's settings say the store is. */
export function storeSettings(settings: Settings): StoreSettings {
  return {
    stateDirectory: settings.stateDirectory,
    url: settings.storeUrl,
    user: settings.storeUser,
    password: settings.storePassword,
  };
}
