import { z } from "zod";
import { gapStoreSchema } from "./gap-store.ts";

/** What programs/watch-store.ts is asked. */
export const watchRequest = z.object({ state: z.string(), of: gapStoreSchema, rounds: z.int().positive() });

/** Its answer, in seconds. */
export const watchTimes = z.object({
  coverage: z.array(z.number()),
  exhaustive: z.array(z.number()),
  /** With steps of price, which need every bar in order. */
  prices: z.array(z.number()),
  older: z.array(z.number()),
  bars: z.number(),
  series: z.number(),
});
export type WatchTimes = z.output<typeof watchTimes>;
