import type { SegmentId } from "../model/segments.ts";
import type { SeriesId } from "../model/series.ts";
import { sqlInteger, sqlString } from "./sql/literal.ts";

/** One build of a unit: what one writer at a time may add to. */
export interface BuildKey {
  readonly series: SeriesId;
  readonly segment: SegmentId;
  readonly build: number;
}

/** The SQL condition that names a unit's build. */
export function unitKey({ series, segment, build }: BuildKey): string {
  return `series = ${sqlString(series)} AND segment = ${sqlString(segment)} AND build = ${sqlInteger(build)}`;
}
