import type { SegmentId } from "../model/segments.ts";
import type { SeriesId } from "../model/series.ts";
import { sqlInteger, sqlString } from "./sql/literal.ts";

/** What one process at a time may hold a lease on: a build, or a version of the schema whose rows are being moved. */
export interface LeaseKey {
  readonly series: string;
  readonly segment: string;
  readonly build: number;
}

/** One build of a unit: what one writer at a time may add to. */
export interface BuildKey extends LeaseKey {
  readonly series: SeriesId;
  readonly segment: SegmentId;
}

/** The SQL condition that names a unit's build. */
export function unitKey({ series, segment, build }: LeaseKey): string {
  return `series = ${sqlString(series)} AND segment = ${sqlString(segment)} AND build = ${sqlInteger(build)}`;
}
