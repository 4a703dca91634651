import type { Day } from "../model/day.ts";
import { segmentsBetween, type Segment, type Segmentation } from "../model/segments.ts";
import { seriesId, unitId, type RangeSeries, type SeriesId, type ThresholdDbps } from "../model/series.ts";

/** One symbol as the registry wants it kept; its days are known: effective start … last published day or delisting. */
export interface WantedSymbol {
  readonly venue: RangeSeries["venue"];
  readonly market: RangeSeries["market"];
  readonly symbol: string;
  readonly enabled: boolean;
  readonly thresholds: readonly ThresholdDbps[];
  /** The least threshold, who says so, and the setting that would say otherwise. */
  readonly floor: { readonly floor: ThresholdDbps; readonly from: string; readonly setting: string };
  readonly firstDay: Day;
  readonly lastDay: Day;
  readonly segmentation: Segmentation;
}

/** A unit that should exist, with the days that it should hold. */
export interface ExpectedUnit {
  readonly id: string;
  readonly series: SeriesId;
  readonly venue: RangeSeries["venue"];
  readonly market: RangeSeries["market"];
  readonly symbol: string;
  readonly threshold: ThresholdDbps;
  readonly segment: Segment;
  readonly firstDay: Day;
  readonly lastDay: Day;
}

/** What was wanted and cannot be, with the reason and what would allow it. */
export interface RefusedWish {
  readonly subject: string;
  readonly reason: string;
  readonly advice: string;
}

export interface Expectation {
  readonly units: readonly ExpectedUnit[];
  readonly refused: readonly RefusedWish[];
}

/** Every unit that should exist: symbol × threshold × segment. Illegal pairs are refused here, before anything is queued. */
export function expectedUnits(wanted: readonly WantedSymbol[]): Expectation {
  const units: ExpectedUnit[] = [];
  const refused: RefusedWish[] = [];
  for (const one of wanted) {
    if (!one.enabled) {
      const advice = "set enabled = true in the registry";
      refused.push({ subject: one.symbol, reason: "the symbol is disabled in the registry", advice });
      continue;
    }
    for (const threshold of [...new Set(one.thresholds)].sort((a, b) => a - b)) {
      if (threshold >= one.floor.floor) units.push(...unitsOf(one, threshold));
      else refused.push(belowFloor(one, threshold));
    }
  }
  return { units, refused };
}

function unitsOf(wanted: WantedSymbol, threshold: ThresholdDbps): ExpectedUnit[] {
  const { venue, market, symbol, firstDay, lastDay, segmentation } = wanted;
  const series = seriesId({ venue, market, symbol, threshold });
  return segmentsBetween(firstDay, lastDay, segmentation).map((segment) => ({
    id: unitId(series, segment.id),
    series,
    venue,
    market,
    symbol,
    threshold,
    segment,
    firstDay: segment.firstDay > firstDay ? segment.firstDay : firstDay,
    lastDay: segment.lastDay < lastDay ? segment.lastDay : lastDay,
  }));
}

function belowFloor({ symbol, floor }: WantedSymbol, threshold: ThresholdDbps): RefusedWish {
  return {
    subject: `${symbol}@${threshold}`,
    reason: `${threshold} dbps is below the symbol's floor of ${floor.floor} (${floor.from})`,
    advice: `ask for ${floor.floor} or more, or allow it with ${floor.setting}=${threshold}`,
  };
}
