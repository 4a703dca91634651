import type { SegmentId } from "../../model/segments.ts";
import { foldDigest } from "../../native/index.ts";
import {
  fixedBlocks,
  readDigestColumns,
  type CoverageRow,
  type FixedBlock,
  type PinnedSegment,
  type Store,
} from "../../store/index.ts";
import { barWindows } from "./bar-windows.ts";

/** A segment's completed bars as the store returns them, beside what its coverage says was committed. */
export interface SegmentDigest {
  readonly segment: SegmentId;
  readonly stored: bigint;
  /** How many of them the store has. */
  readonly bars: bigint;
  readonly committed: bigint;
  /** The first coverage row up to whose end the stored bars are not what was committed, in number or content. */
  readonly differsAt: CoverageRow | undefined;
}

/** Reads a segment's completed bars back, in windows of bounded size, and compares them row by row of its coverage. */
export async function readDigest(
  store: Store,
  pinned: PinnedSegment,
  fold?: (body: Uint8Array) => void,
): Promise<SegmentDigest> {
  let stored = foldDigest(new Uint8Array()).digest;
  let bars = 0n;
  let differsAt: CoverageRow | undefined;
  for (const { from, parts } of barWindows(pinned)) {
    const blocks = fixedBlocks(await readDigestColumns(store, `${from} AND is_orphan = 0`));
    for (const [part, bodies] of bodiesOf(parts, blocks)) {
      for (const body of bodies) {
        const folded = foldDigest(body, stored);
        stored = folded.digest;
        bars += folded.rows;
        fold?.(body);
      }
      if (stored !== part.barsDigest) differsAt ??= part;
    }
  }
  const committed = (pinned.parts.at(-1) ?? pinned.parts[0]).barsDigest;
  return { segment: pinned.segment, stored, bars, committed, differsAt };
}

/** What a series' completed bars come to. */
export interface SeriesDigests {
  /** Over all segments. */
  readonly digest: bigint;
  /** The segments whose bars differ from what was committed, in number or content. */
  readonly differing: readonly SegmentId[];
}

/** The same for all segments of a series, in id order. */
export async function readDigests(store: Store, segments: readonly PinnedSegment[]): Promise<SeriesDigests> {
  let digest = foldDigest(new Uint8Array()).digest;
  const differing: SegmentId[] = [];
  for (const [i, pinned] of segments.entries()) {
    // The first segment's digest is the series' so far.
    const fold = (body: Uint8Array): void => {
      digest = foldDigest(body, digest).digest;
    };
    const one = await readDigest(store, pinned, i === 0 ? undefined : fold);
    if (i === 0) digest = one.stored;
    if (one.differsAt !== undefined) differing.push(one.segment);
  }
  return { digest, differing };
}

/** The bars of each coverage row as Native bodies; one behind the last row's end counts as that row's. */
function* bodiesOf(
  parts: readonly CoverageRow[],
  blocks: readonly FixedBlock[],
): Generator<readonly [CoverageRow, readonly Uint8Array[]]> {
  let [at, row] = [0, 0];
  for (const [i, part] of parts.entries()) {
    const bodies: Uint8Array[] = [];
    for (let block = blocks[at]; block !== undefined; block = blocks[at]) {
      const lastId = block.int64("last_agg_trade_id");
      const start = row;
      while (row < block.rows && (i === parts.length - 1 || lastId(row) <= part.throughId)) row += 1;
      if (row > start) bodies.push(block.cut(start, row));
      if (row < block.rows) break;
      [at, row] = [at + 1, 0];
    }
    yield [part, bodies];
  }
}
