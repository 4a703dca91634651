import { z } from "zod";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import type { BuildKey } from "./unit-key.ts";

const countRow = z.object({ series: z.string(), segment: z.string(), build: z.number(), rows: z.coerce.number() });

/**
 * How many rows of bars the store holds of each build, committed or not. The engine counts by partition from what its parts
 * say of themselves: no bar is read, and a thousand builds take milliseconds. Fewer than were committed means that the store
 * has lost some.
 */
export async function storedRows(store: Store): Promise<(key: BuildKey) => number> {
  const rows = await store.rows(
    "SELECT series, segment, build, count() AS rows FROM barkeep.bars GROUP BY series, segment, build",
    countRow,
  );
  const nameOf = ({ series, segment, build }: z.output<typeof countRow> | BuildKey): string =>
    `${series} ${segment} ${build}`;
  const byBuild = new Map(rows.map((row) => [nameOf(row), row.rows]));
  return (key) => byBuild.get(nameOf(key)) ?? 0;
}

/** A build's partition of `barkeep.bars` as ClickHouse writes it, and as its statements take it. */
export function partitionText({ series, segment, build }: BuildKey): string {
  return `(${sqlString(series)},${sqlString(segment)},${build})`;
}
