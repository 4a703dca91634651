import { z } from "zod";
import { hasEnded, leasesOf, releaseLeases, takeLease } from "./leases.ts";
import { partitionText, storedRows } from "./row-counts.ts";
import { heldRows, pinBuild, type PinnedSegment } from "./snapshot.ts";
import { sqlInteger } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import { unitKey } from "./unit-key.ts";

/** Rows of a build that no reader can see: written by attempts that ended before they committed them. */
export interface Leftovers {
  readonly pinned: PinnedSegment;
  readonly rows: number;
}

const countRow = z.object({ rows: z.coerce.number() });

/** Which of some builds hold rows outside their chain, of attempts that are older than its newest. Changes nothing. */
export async function findLeftovers(store: Store, builds: readonly PinnedSegment[]): Promise<Leftovers[]> {
  const rowsOf = await storedRows(store);
  const found: Leftovers[] = [];
  for (const pinned of builds) {
    const committed = pinned.parts.reduce((sum, part) => sum + part.bars + part.orphans, 0n);
    if (BigInt(rowsOf(pinned)) <= committed) continue;
    const [row] = await store.rows(`SELECT count() AS rows FROM barkeep.bars WHERE ${outside(pinned)}`, countRow);
    if (row !== undefined && row.rows > 0) found.push({ pinned, rows: row.rows });
  }
  return found;
}

/**
 * Removes a build's leftovers. Only while nobody writes to the build, and where every attempt behind the chain's newest has
 * ended for certain: one of those may have read an older chain, whose rows it would name as its base when it commits.
 * @returns false where such an attempt may still live: the rows stay
 * @throws RefusedError LEASE_HELD
 */
export async function sweep(store: Store, { pinned }: Leftovers): Promise<boolean> {
  const lease = await takeLease(store, pinned);
  try {
    const now = await pinBuild(store, pinned.series, pinned.segment, pinned.build);
    if (now === undefined) return false;
    const head = headOf(now);
    const waiting = (await leasesOf(store, pinned)).filter(
      ({ attempt }) => attempt > head && attempt !== lease.attempt,
    );
    if (!waiting.every(hasEnded)) return false;
    await store.command(
      `ALTER TABLE barkeep.bars DELETE IN PARTITION ${partitionText(now)} WHERE ${outside(now)} SETTINGS mutations_sync = 1`,
    );
    return true;
  } finally {
    await releaseLeases(store, [lease]);
  }
}

function outside(pinned: PinnedSegment): string {
  return `${unitKey(pinned)} AND attempt < ${sqlInteger(headOf(pinned))} AND NOT (${heldRows(pinned)})`;
}

function headOf({ links }: PinnedSegment): bigint {
  return links.reduce((most, { attempt }) => (attempt > most ? attempt : most), 0n);
}
