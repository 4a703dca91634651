import { z } from "zod";
import { ConfigurationError, RefusedError } from "../model/errors.ts";
import { unitId } from "../model/series.ts";
import { pointerHistory } from "./builds.ts";
import { releaseLeases, takeLease, type Lease } from "./leases.ts";
import { movePointer, takePublishRight } from "./publish.ts";
import { pinBuild, pinnedBars } from "./snapshot.ts";
import type { Store } from "./store.ts";
import type { BuildKey } from "./unit-key.ts";

/** What an undo takes back. */
export interface Undo {
  /** The build that is published now. */
  readonly from: BuildKey;
  /** The one that was published before it. */
  readonly to: BuildKey;
}

const countRow = z.object({ rows: z.string().transform(BigInt) });

/**
 * Finds out what an undo of a rebuild would do. Changes nothing.
 * @throws ConfigurationError NOT_PUBLISHED, NO_REBUILD; RefusedError UNDO_EXPIRED
 */
export async function planUndo(store: Store, rebuild: BuildKey): Promise<Undo> {
  const { series, segment, build } = rebuild;
  const name = `${unitId(series, segment)}#${build}`;
  const [current, ...earlier] = await pointerHistory(store, series, segment);
  if (current?.build !== build) {
    throw new ConfigurationError(
      `${name} is not what readers see${current === undefined ? "" : `; build ${current.build} is`}`,
      {
        code: "NOT_PUBLISHED",
        subject: name,
        hint: "only the rebuild that is published can be taken back",
      },
    );
  }
  const before = earlier.find((one) => one.build !== build);
  if (before === undefined) {
    throw new ConfigurationError(`${name} is the unit's first build`, {
      code: "NO_REBUILD",
      subject: name,
      hint: "there is nothing to go back to",
    });
  }
  const to = { series, segment, build: before.build };
  await refuseWhereGone(store, to);
  return { from: rebuild, to };
}

/**
 * Lets readers see the build that was published before, in one step. No reason that is computed makes the unit anew after
 * that, until a person asks for it.
 * @throws RefusedError LEASE_HELD, SUPERSEDED
 */
export async function undoRebuild(store: Store, { from, to }: Undo): Promise<void> {
  const right = await takePublishRight(store, to);
  const leases: Lease[] = [];
  try {
    for (const key of [from, to]) leases.push(await takeLease(store, key));
    await refuseWhereGone(store, to);
    const reason = `undo of build ${from.build}`;
    await movePointer(store, right, { expected: from.build, reason, held: true });
  } finally {
    await releaseLeases(store, leases);
  }
}

/** `gc` drops a build's bars whole; what is left of its coverage says how many there were. */
async function refuseWhereGone(store: Store, key: BuildKey): Promise<void> {
  const pinned = await pinBuild(store, key.series, key.segment, key.build);
  const committed = pinned?.parts.reduce((sum, part) => sum + part.bars + part.orphans, 0n);
  const [found] =
    pinned === undefined ? [] : await store.rows(`SELECT count() AS rows FROM ${pinnedBars(pinned)}`, countRow);
  if (found !== undefined && found.rows === committed) return;
  const name = `${unitId(key.series, key.segment)}#${key.build}`;
  const why = pinned === undefined ? `nothing of ${name} is covered` : `the bars of ${name} are no longer kept`;
  throw new RefusedError(why, {
    code: "UNDO_EXPIRED",
    subject: name,
    hint: "make the unit anew from its archives instead: barkeep rebuild",
  });
}
