import type { SegmentId } from "../../model/segments.ts";
import type { SeriesId } from "../../model/series.ts";
import { foldDigest } from "../../native/index.ts";
import { readDigestColumns, sqlString, type CoveragePart, type Store } from "../../store/index.ts";
import { barWindows, windowCondition } from "./bar-windows.ts";

/** The bars of a segment as the store returns them, beside what its coverage says was committed. */
export interface SegmentDigest {
  readonly segment: SegmentId;
  readonly stored: bigint;
  readonly committed: bigint;
}

/** What the store's completed bars come to. */
export interface SeriesDigests {
  /** Over all segments. */
  readonly digest: bigint;
  readonly segments: readonly SegmentDigest[];
  /** The segments whose bars differ from what was committed, in number or content. */
  readonly differing: readonly SegmentId[];
}

/** Reads a series' completed bars back, in windows of bounded size, and folds them. @param parts in id order */
export async function readDigests(
  store: Store,
  series: SeriesId,
  parts: readonly CoveragePart[],
): Promise<SeriesDigests> {
  const none = foldDigest(new Uint8Array()).digest;
  let digest = none;
  const segments: SegmentDigest[] = [];
  for (const [segment, ofSegment] of Map.groupBy(parts, (part) => part.segment)) {
    let stored = none;
    for (const window of barWindows(ofSegment)) {
      const from = `barkeep.bars_published WHERE series = ${sqlString(series)} AND is_orphan = 0 AND ${windowCondition(window)}`;
      const body = await readDigestColumns(store, from);
      stored = foldDigest(body, stored).digest;
      digest = foldDigest(body, digest).digest;
    }
    segments.push({ segment, stored, committed: ofSegment.at(-1)?.barsDigest ?? none });
  }
  const differing = segments.filter((one) => one.stored !== one.committed).map((one) => one.segment);
  return { digest, segments, differing };
}
