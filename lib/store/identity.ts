import { z } from "zod";
import type { Store } from "./store.ts";

const identityRow = z.object({ id: z.uuid() });

/** Which store this is: the oldest row counts, so that a restored copy is the store it was copied from. */
export async function storeIdOf(store: Store): Promise<string> {
  const [oldest] = await store.rows(
    "SELECT toString(id) AS id FROM barkeep.identity ORDER BY created_at, id LIMIT 1",
    identityRow,
  );
  if (oldest === undefined) throw new Error("the store has no identity");
  return oldest.id;
}
