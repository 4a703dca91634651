import { ConfigurationError } from "./errors.ts";
import { markets, type Market } from "./markets.ts";

/** A threshold in decimal basis points: 1 dbps = 0.001 % = 1e-5. */
export type ThresholdDbps = number & { readonly __brand: "ThresholdDbps" };

export const thresholdDbpsMin = 1;
export const thresholdDbpsMax = 100_000;

function isThreshold(value: number): value is ThresholdDbps {
  return Number.isInteger(value) && value >= thresholdDbpsMin && value <= thresholdDbpsMax;
}

/** @throws ConfigurationError BAD_THRESHOLD outside 1 … 100 000 or not whole */
export function parseThreshold(value: number | string): ThresholdDbps {
  const number = typeof value === "number" ? value : /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (isThreshold(number)) return number;
  throw new ConfigurationError(`threshold ${value} is outside ${thresholdDbpsMin} … ${thresholdDbpsMax} dbps`, {
    code: "BAD_THRESHOLD",
    hint: "1 dbps = 0.001 %; 250 means 0.25 %",
  });
}

/** A range-bar series: what is kept. */
export interface RangeSeries {
  readonly venue: string;
  readonly market: Market;
  readonly symbol: string;
  readonly threshold: ThresholdDbps;
}

/** `range:binance/spot/BTCUSDT@250` */
export type SeriesId = `range:${string}/${Market}/${string}@${number}`;

export function seriesId(series: RangeSeries): SeriesId {
  return `range:${series.venue}/${series.market}/${series.symbol}@${series.threshold}`;
}

const full = /^range:([a-z0-9-]+)\/([a-z-]+)\/([A-Z0-9_]+)@(\d+)$/;

/** Parses the full name. @throws ConfigurationError BAD_SERIES */
export function parseSeriesId(text: string): RangeSeries {
  const match = full.exec(text);
  const [, venue, folder, symbol, threshold] = match ?? [];
  const market = markets.find((one) => one === folder);
  if (venue !== undefined && market !== undefined && symbol !== undefined && threshold !== undefined) {
    return { venue, market, symbol, threshold: parseThreshold(threshold) };
  }
  throw new ConfigurationError(`"${text}" is not a series`, {
    code: "BAD_SERIES",
    hint: "write it as range:binance/spot/BTCUSDT@250, or BTCUSDT@250 when that is unique",
  });
}

/** The default venue and market are left out of unit ids. */
const defaultPrefix = "range:binance/spot/";

/** A unit's id: `BTCUSDT@250:2024`, with the dataset, venue and market in front when not the default. */
export function unitId(series: string, segment: string): string {
  const short = series.startsWith(defaultPrefix) ? series.slice(defaultPrefix.length) : series;
  return `${short}:${segment}`;
}
