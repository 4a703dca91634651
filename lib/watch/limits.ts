/** From where on something is a finding, and how thoroughly it is looked for. */
export interface WatchLimits {
  /** How old the newest trade may be of series whose registry entry does not say. */
  readonly maxStaleHours?: number | undefined;
  /** Only what lies in the last so many days; how fresh a series is does not depend on it. */
  readonly recentDays?: number | undefined;
  /** A longer time between two bars' closes is listed; {@link minGapHoursDefault} where bars are looked at for another reason. */
  readonly minGapHours?: number | undefined;
  /** Steps of price between two bars are listed from here on; they are not looked for where it is absent. */
  readonly priceGapDbps?: number | undefined;
  /** Bars that took longer are listed; they are not looked for where it is absent. */
  readonly maxBarDurationHours?: number | undefined;
  /** Hold every bar against coverage. */
  readonly looksAtBars?: boolean;
  /** Of these units alone, `BTCUSDT@250:2024`, whatever else is asked: those in which an earlier look at bars found something. */
  readonly barsOfUnits?: ReadonlySet<string>;
  /** Everything there is: the whole time, every bar, every built day's published digest. */
  readonly exhaustive?: boolean;
  /** A long time is a finding also where ids prove that nothing is missing. */
  readonly strictTime?: boolean;
  /** So is a step of price. */
  readonly strictPrice?: boolean;
}

export const minGapHoursDefault = 6;

/** Where steps of price are asked for without a size: 5 %. */
export const priceGapDbpsDefault = 5000;

/** Is coverage not enough to answer? */
export function needsBars(limits: WatchLimits): boolean {
  const { looksAtBars, exhaustive, strictTime, strictPrice, minGapHours, priceGapDbps, maxBarDurationHours } = limits;
  const isAsked = looksAtBars === true || exhaustive === true || strictTime === true || strictPrice === true;
  return isAsked || [minGapHours, priceGapDbps, maxBarDurationHours].some((size) => size !== undefined);
}

/** The first instant that is looked at, milliseconds since the epoch. */
export function windowStartMs({ recentDays, exhaustive }: WatchLimits, nowMs: number): number {
  return recentDays === undefined || exhaustive === true ? Number.NEGATIVE_INFINITY : nowMs - recentDays * 86_400_000;
}
