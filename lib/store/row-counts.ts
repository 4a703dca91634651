import { z } from "zod";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import type { BuildKey } from "./unit-key.ts";

const countRow = z.object({ partition: z.string(), rows: z.coerce.number() });

/**
 * How many rows of bars the store holds of each build, committed or not, from its list of parts: no bar is read. Fewer than
 * were committed means that the store has lost some.
 */
export async function storedRows(store: Store): Promise<(key: BuildKey) => number> {
  const rows = await store.rows(
    "SELECT partition, sum(rows) AS rows FROM system.parts WHERE database = 'barkeep' AND table = 'bars' AND active GROUP BY partition",
    countRow,
  );
  const byPartition = new Map(rows.map((row) => [row.partition, row.rows]));
  return (key) => byPartition.get(partitionText(key)) ?? 0;
}

/** A build's partition of `barkeep.bars` as ClickHouse writes it, and as its statements take it. */
export function partitionText({ series, segment, build }: BuildKey): string {
  return `(${sqlString(series)},${sqlString(segment)},${build})`;
}
