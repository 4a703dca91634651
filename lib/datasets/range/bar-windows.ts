import type { SegmentId } from "../../model/segments.ts";
import { sqlInteger, sqlString, type CoveragePart } from "../../store/index.ts";

/** Bars of a window are held in memory while they are read. */
const windowBars = 100_000n;

/** A stretch of a segment: the bars that ended behind `afterId`, up to `throughId`. */
export interface BarWindow {
  readonly segment: SegmentId;
  readonly afterId: bigint;
  readonly throughId: bigint;
}

/** Cuts a series into stretches of bounded size. @param parts in id order */
export function barWindows(parts: readonly CoveragePart[]): BarWindow[] {
  const windows: BarWindow[] = [];
  let bars = 0n;
  let afterId: bigint | undefined;
  parts.forEach((part, i) => {
    afterId ??= parts[i - 1]?.throughId ?? part.fromId - 1n;
    bars += part.bars;
    const next = parts[i + 1];
    if (next !== undefined && next.segment === part.segment && bars < windowBars) return;
    windows.push({ segment: part.segment, afterId, throughId: part.throughId });
    bars = 0n;
    afterId = undefined;
  });
  return windows;
}

/** The SQL condition on `bars_published` for a window. */
export function windowCondition({ segment, afterId, throughId }: BarWindow): string {
  return `segment = ${sqlString(segment)} AND ended_by_id > ${sqlInteger(afterId)} AND ended_by_id <= ${sqlInteger(throughId)}`;
}
