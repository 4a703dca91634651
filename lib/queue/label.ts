import { parseThreshold, type ThresholdDbps } from "../model/series.ts";
import { parseSegmentId, type SegmentId } from "../model/segments.ts";
import { markets, type Market } from "../model/markets.ts";

/** What a job makes: the part of its label that is the same for each attempt. */
export interface JobName {
  readonly venue: string;
  readonly market: Market;
  readonly symbol: string;
  readonly thresholds: readonly ThresholdDbps[];
  readonly segment: SegmentId;
}

export interface JobLabel extends JobName {
  /** Counted from 1 by whoever plans. */
  readonly attempt: number;
  /** Of the settings it was planned with: see `settingsSnapshot`. */
  readonly settingsHash: string;
}

const prefix = "range:";
const defaultPlace = "binance/spot/";

/** `BTCUSDT@250+1000:2024#1~0f9c2b7a41de`; another venue or market stands in front: `range:binance/futures-um/…`. */
export function formatLabel(label: JobLabel): string {
  return `${jobNameText(label)}#${label.attempt}~${label.settingsHash}`;
}

/** `BTCUSDT@250+1000:2024`: a label without its attempt and settings. */
export function jobNameText(name: JobName): string {
  const place = `${name.venue}/${name.market}/`;
  const shown = place === defaultPlace ? "" : prefix + place;
  const thresholds = [...name.thresholds].sort((a, b) => a - b).join("+");
  return `${shown}${name.symbol}@${thresholds}:${name.segment}`;
}

const form =
  /^(?:range:([a-z0-9-]+)\/([a-z-]+)\/)?([A-Z0-9_]+)@(\d+(?:\+\d+)*):(\d{4}(?:-\d{2})?|w\d{4}-\d{2}-\d{2})#(\d+)~([0-9a-f]+)$/;

/** undefined for a label that is not ours: a queue may hold other people's jobs. */
export function parseLabel(text: string): JobLabel | undefined {
  const [, venue = "binance", folder = "spot", symbol, thresholds, segment, attempt, settingsHash] =
    form.exec(text) ?? [];
  const market = markets.find((one) => one === folder);
  if (market === undefined || symbol === undefined || thresholds === undefined) return undefined;
  if (segment === undefined || attempt === undefined || settingsHash === undefined) return undefined;
  return {
    venue,
    market,
    symbol,
    thresholds: thresholds.split("+").map(parseThreshold),
    segment: parseSegmentId(segment),
    attempt: Number(attempt),
    settingsHash,
  };
}

/**
 * What may be in a queue once at a time: the job, whatever its attempt and settings; a label that is not ours stands for itself.
 */
export function liveKey(label: string): string {
  const parsed = parseLabel(label);
  return parsed === undefined ? label : jobNameText(parsed);
}
