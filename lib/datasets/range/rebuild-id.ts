import { ConfigurationError } from "../../model/errors.ts";
import { parseSegmentId } from "../../model/segments.ts";
import { unitId, type SeriesId } from "../../model/series.ts";
import type { BuildKey } from "../../store/index.ts";
import { resolveSeries } from "./resolve-series.ts";

/** How a rebuild is named: by its unit and build, `BTCUSDT@25:2024#2`. */
export function rebuildId({ series, segment, build }: BuildKey): string {
  return `${unitId(series, segment)}#${build}`;
}

const idText = /^(.+@\d+):(\d{4}(?:-\d{2})?|w\d{4}-\d{2}-\d{2})#(\d{1,9})$/;

/** @throws ConfigurationError BAD_REBUILD, UNKNOWN_SERIES, AMBIGUOUS_SERIES */
export function parseRebuildId(text: string, existing: readonly SeriesId[]): BuildKey {
  const [, series, segment, build] = idText.exec(text) ?? [];
  if (series !== undefined && segment !== undefined && build !== undefined) {
    return { series: resolveSeries(series, existing), segment: parseSegmentId(segment), build: Number(build) };
  }
  throw new ConfigurationError(`"${text}" is not a rebuild`, {
    code: "BAD_REBUILD",
    hint: "write it as rebuild printed it: the unit, # and the build, as in 'BTCUSDT@25:2024#2'",
  });
}
