/**
 * Makes a store whose units are complete, beside the folder of an archive and a registry of its symbols.
 * `node make-complete-store.ts REQUEST` with the request as JSON; run by ../nothing-to-do.ts in a process of its own.
 */
import { z } from "zod";
import { openEmbedded } from "../../lib/store/store.ts";
import { completeStoreSchema, fillCompleteStore } from "../complete-store.ts";

const { state, complete } = z
  .object({ state: z.string(), complete: completeStoreSchema })
  .parse(JSON.parse(process.argv[2] ?? ""));
const store = await openEmbedded(state);
try {
  await fillCompleteStore(store, complete);
} finally {
  await store.close();
}
