import type { SeriesId } from "../model/series.ts";
import { outlineUnits, sumBars, type Store } from "../store/index.ts";

/** Bars of a series whose sums are below zero. */
export interface SeriesOverflow {
  readonly series: SeriesId;
  readonly bars: number;
  readonly negative: number;
  readonly percent: number;
}

/** Every series that has such bars, and how many bars were looked at: all rows of published builds, committed or not. */
export async function overflowsOf(
  store: Store,
): Promise<{ readonly series: readonly SeriesOverflow[]; readonly bars: number }> {
  const sums = await sumBars(store, await outlineUnits(store), 3_600_000_000n);
  const series = [...Map.groupBy(sums, (one) => one.series)].flatMap(([name, ofSeries]): SeriesOverflow[] => {
    const bars = ofSeries.reduce((sum, { rows }) => sum + rows, 0);
    const negative = ofSeries.reduce((sum, one) => sum + one.negative, 0);
    return negative === 0 ? [] : [{ series: name, bars, negative, percent: (100 * negative) / bars }];
  });
  return { series, bars: sums.reduce((sum, { rows }) => sum + rows, 0) };
}
