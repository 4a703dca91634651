import type { Day } from "../model/day.ts";
import { buildsOf, isSameFingerprint, pointerHistory, recordBuild, type BuildFingerprint } from "./builds.ts";
import { openBuild, type OpenUnit } from "./units.ts";
import { pinBuild, type PinnedSegment } from "./snapshot.ts";
import type { Store } from "./store.ts";

/** What a rebuild makes. */
export interface RebuildRequest {
  /** The build that readers see now. */
  readonly published: PinnedSegment;
  readonly fingerprint: BuildFingerprint;
  readonly firstDay: Day;
  readonly reason: string;
  /** Can an open rebuild be gone on with? Not where it was begun from other archives than are published now. */
  readonly isStillGood: (begun: PinnedSegment) => Promise<boolean>;
}

/**
 * Opens the build that is to take the published one's place: one that an earlier run began and did not publish, or a new
 * one. It has a lease of its own.
 * @throws RefusedError LEASE_HELD while another process makes it
 */
export async function openRebuild(store: Store, request: RebuildRequest): Promise<OpenUnit> {
  const { published, fingerprint, firstDay, reason } = request;
  const { series, segment } = published;
  const ofSegment = (await buildsOf(store, series)).filter((row) => row.segment === segment);
  const last = ofSegment.at(-1);
  const wasPublished = new Set((await pointerHistory(store, series, segment)).map(({ build }) => build));
  const isOpen =
    last !== undefined &&
    last.build > published.build &&
    !wasPublished.has(last.build) &&
    last.firstDay === firstDay &&
    isSameFingerprint(last, fingerprint) &&
    (await goesOn(store, request, last.build));
  const key = { series, segment, build: isOpen ? last.build : Math.max(published.build, last?.build ?? 0) + 1 };
  const unit = await openBuild(store, key, published.build);
  if (!isOpen) await recordBuild(store, key, fingerprint, firstDay, reason);
  return unit;
}

async function goesOn(store: Store, { published, isStillGood }: RebuildRequest, build: number): Promise<boolean> {
  const begun = await pinBuild(store, published.series, published.segment, build);
  return begun === undefined || (await isStillGood(begun));
}
