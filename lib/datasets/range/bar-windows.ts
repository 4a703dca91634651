import { pinnedBars, sqlInteger, type CoverageRow, type PinnedSegment } from "../../store/index.ts";

/** Bars of a window are held in memory while they are read. */
const windowBars = 100_000n;

/** A stretch of a pinned segment: what follows FROM to read its bars, and the coverage that counts them. */
export interface BarWindow {
  readonly from: string;
  readonly parts: readonly CoverageRow[];
}

/** Cuts a pinned segment into stretches of bounded size, in id order; each bar is in exactly one. */
export function barWindows(pinned: PinnedSegment): BarWindow[] {
  const windows: BarWindow[] = [];
  let parts: CoverageRow[] = [];
  let bars = 0n;
  let after: bigint | undefined;
  for (const [i, part] of pinned.parts.entries()) {
    parts.push(part);
    bars += part.bars;
    const isLast = i === pinned.parts.length - 1;
    if (!isLast && bars < windowBars) continue;
    const through = isLast ? undefined : part.throughId;
    windows.push({ from: `${pinnedBars(pinned)}${bounds(after, through)}`, parts });
    parts = [];
    bars = 0n;
    after = part.throughId;
  }
  return windows;
}

/** The first window has no lower end and the last no upper one: a bar that lies where it should not is in one, too. */
function bounds(after: bigint | undefined, through: bigint | undefined): string {
  const lower = after === undefined ? "" : ` AND ended_by_id > ${sqlInteger(after)}`;
  const upper = through === undefined ? "" : ` AND ended_by_id <= ${sqlInteger(through)}`;
  return lower + upper;
}
