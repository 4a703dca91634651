/**
 * Makes a store whose series are whole and can be gone on from.
 * `node make-healthy-store.ts REQUEST` with the request as JSON; run by ../heartbeat.ts in a process of its own.
 */
import { z } from "zod";
import { openEmbedded } from "../../lib/store/store.ts";
import { fillGapStore, gapStoreSchema } from "../gap-store.ts";
import { giveCheckpoints } from "../checkpoints.ts";

const { state, size } = z.object({ state: z.string(), size: gapStoreSchema }).parse(JSON.parse(process.argv[2] ?? ""));
const store = await openEmbedded(state);
try {
  await fillGapStore(store, size);
  await giveCheckpoints(store, size);
} finally {
  await store.close();
}
