import { z } from "zod";
import type { Store } from "./store.ts";

const versionRow = z.object({ version: z.string() });

/** The ClickHouse version behind the store. */
export async function storeVersion(store: Store): Promise<string> {
  const [row] = await store.rows("SELECT version() AS version", versionRow);
  if (row === undefined) throw new Error("SELECT version() returned no row");
  return row.version;
}
