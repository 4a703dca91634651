import { z } from "zod";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId } from "../model/series.ts";
import { isLive, leasesOf } from "./leases.ts";
import { partitionText } from "./row-counts.ts";
import { sqlInteger } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import type { BuildKey } from "./unit-key.ts";

/** A build whose bars nobody can come to see any more. */
export interface OldBuild extends BuildKey {
  readonly rows: number;
  readonly bytes: number;
}

const partitionRow = z.object({
  series: z.string().transform((text) => seriesId(parseSeriesId(text))),
  segment: z.string().transform(parseSegmentId),
  build: z.number(),
  rows: z.coerce.number(),
  bytes: z.coerce.number(),
});

const dayMs = 86_400_000;

/**
 * Builds that `gc` may drop: older than the published one, in a segment whose pointer has not moved and in which nothing was
 * committed to the build within the undo window (by the store's clock), and that no writer has a live lease on. Never the
 * published build, a newer one, or one of a segment without a pointer.
 */
export async function oldBuilds(store: Store, undoDays: number): Promise<OldBuild[]> {
  const windowMs = sqlInteger(undoDays * dayMs);
  const found = await store.rows(
    `SELECT b.series AS series, b.segment AS segment, b.build AS build, p.rows AS rows, p.bytes AS bytes
FROM (
  SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, build, max(created_at) AS created_at,
    concat('(\\'', series, '\\',\\'', segment, '\\',', toString(build), ')') AS partition
  FROM barkeep.builds GROUP BY series, segment, build
) AS b
INNER JOIN (
  SELECT partition, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
  WHERE database = 'barkeep' AND table = 'bars' AND active GROUP BY partition
) AS p ON p.partition = b.partition
INNER JOIN (
  SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, argMax(build, (seq, build)) AS published, max(at) AS moved_at
  FROM barkeep.pointer GROUP BY series, segment
) AS c ON c.series = b.series AND c.segment = b.segment
LEFT JOIN (
  SELECT CAST(series, 'String') AS series, CAST(segment, 'String') AS segment, build, max(committed_at) AS committed_at
  FROM barkeep.coverage GROUP BY series, segment, build
) AS v ON v.series = b.series AND v.segment = b.segment AND v.build = b.build
WHERE b.build < c.published
  AND dateDiff('millisecond', greatest(b.created_at, c.moved_at, v.committed_at), now64(3)) > ${windowMs}
ORDER BY series, segment, build`,
    partitionRow,
  );
  const free: OldBuild[] = [];
  for (const build of found) if (!(await leasesOf(store, build)).some(isLive)) free.push(build);
  return free;
}

/** Drops a build's bars. Its coverage stays on record. */
export async function dropBuild(store: Store, key: BuildKey): Promise<void> {
  await store.command(`ALTER TABLE barkeep.bars DROP PARTITION ${partitionText(key)}`);
}
