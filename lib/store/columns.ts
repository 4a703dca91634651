import { z } from "zod";
import manifest from "./columns.json" with { type: "json" };

/** One column of `barkeep.bars`, as the manifest states it. */
const columnSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  /** ClickHouse type. */
  type: z.string().min(1),
  codec: z.enum(["ZSTD(1)", "Delta, ZSTD(1)", "T64, ZSTD(1)"]),
  unit: z.string(),
  /** `key` and `flag`, or the feature tier: 1 prices, 2 sums, 3 ids and counts, 4 vwap, 5 microstructure. */
  tier: z.enum(["key", "1", "2", "3", "4", "5", "flag"]),
  formula: z.string(),
  description: z.string().min(1),
});

export type Column = z.infer<typeof columnSchema>;

/** Every column of `barkeep.bars` in storage order; columns.json is the one place where they are stated. */
export const columns: readonly Column[] = z.array(columnSchema).parse(manifest);
