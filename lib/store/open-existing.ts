import type { Settings } from "../config/index.ts";
import { UnavailableError } from "../model/errors.ts";
import { storeExists } from "./exists.ts";
import { storeSettings } from "./settings.ts";
import { openStore, type Store } from "./store.ts";

/**
 * Opens the store that settings name, where looking must not make one: an empty store in the place of one that is gone would hide
 * the loss.
 * @param note told what other processes at the embedded store mean for this one; stderr when absent
 * @throws UnavailableError STORE_ABSENT; what openStore throws
 */
export async function openExistingStore(settings: Settings, note?: (line: string) => void): Promise<Store> {
  const address = storeSettings(settings);
  if (storeExists(address)) return openStore({ ...address, note });
  throw storeAbsent(settings);
}

/** There is no store where settings name one. */
export function storeAbsent({ stateDirectory }: Settings): UnavailableError {
  return new UnavailableError("there is no store", {
    code: "STORE_ABSENT",
    subject: stateDirectory,
    hint: "check --state and CLICKHOUSE_URL; populate makes a store",
  });
}
