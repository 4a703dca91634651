import { existsSync } from "node:fs";
import { join } from "node:path";
import type { StoreSettings } from "./store.ts";

/** Is there a store to read? A server is taken to be there; an embedded one once its folder has been made. */
export function storeExists({ stateDirectory, url }: StoreSettings): boolean {
  return url !== undefined || existsSync(join(stateDirectory, "store"));
}
