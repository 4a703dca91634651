import { addDays, dayStartMs } from "../model/day.ts";
import {
  buildsMost,
  longBars,
  pairsMost,
  pairsOfBars,
  sumBars,
  type BarSums,
  type Store,
  type UnitOutline,
} from "../store/index.ts";
import { barGapsOf } from "./bar-gaps.ts";
import { areAllThere, areBarsProven } from "./bar-proof.ts";
import type { Gap } from "./gap.ts";
import { minGapHoursDefault, priceGapDbpsDefault, windowStartMs, type WatchLimits } from "./limits.ts";
import { durationAnomalyOf, spanOf, type DurationAnomaly, type Span, type SpanLimits } from "./spans.ts";
import type { SeriesWish } from "./wish.ts";

/** The units of a series that is to be kept, in id order. */
export interface SeriesUnits {
  readonly wish: SeriesWish;
  readonly units: readonly UnitOutline[];
}

/** Bars of a unit whose volume or turnover is below zero. */
export interface Overflow {
  readonly unit: UnitOutline;
  readonly negative: number;
  readonly rows: number;
}

/** What bars came to that were held against coverage. */
export interface BarsAgainstCoverage {
  /** Bars that were looked at. */
  readonly bars: number;
  /** What differs from coverage, unit by unit; a unit without gaps is proven. */
  readonly gapsOf: ReadonlyMap<UnitOutline, readonly Gap[]>;
  readonly overflows: readonly Overflow[];
}

/** What the bars themselves came to. */
export interface BarLook extends BarsAgainstCoverage {
  /** Long times between bars, and steps of price where they were looked for. */
  readonly spans: readonly Span[];
  readonly looksForJumps: boolean;
  /** Bars that took long; undefined where they were not looked for. */
  readonly durations: readonly DurationAnomaly[] | undefined;
  /** There are more of both than are listed; those that lack ids are listed first. */
  readonly areCut: boolean;
}

/** What a list holds, and whether there is more. */
interface Listed<T> {
  readonly found: readonly T[];
  readonly isCut: boolean;
}

/** So many bars are put in order at once. */
const orderedMost = 4_000_000;
/** So many long bars are listed. */
const longMost = 100;

/**
 * Holds every bar against coverage, in one pass that needs no order; only units that their sums do not prove are read in order. Long
 * times are looked for where periods pass without a bar, steps of price everywhere.
 */
export async function lookAtBars(
  store: Store,
  series: readonly SeriesUnits[],
  limits: WatchLimits,
  nowMs: number,
  signal: AbortSignal,
): Promise<BarLook> {
  const startMs = windowStartMs(limits, nowMs);
  const seen = series.map(({ wish, units }) => ({
    wish,
    units: units.filter(({ lastDay }) => dayStartMs(addDays(lastDay, 1)) > startMs),
  }));
  const units = seen.flatMap((one) => one.units);
  const spanUs = BigInt(Math.round((limits.minGapHours ?? minGapHoursDefault) * 3_600_000_000));
  const { sumsOf, ...against } = await compareSums(store, units, spanUs, nowMs, signal);
  const { gapsOf } = against;
  const unproven = [...gapsOf.keys()];
  // Where rows that are no trades lie only the order shows that nothing else is missing.
  const unsound = new Set(
    unproven.filter((unit) => gapsOf.get(unit)?.length !== 0 || !areAllThere(unit, sumsOf(unit))),
  );
  const asksPrices = limits.priceGapDbps !== undefined || limits.strictPrice === true;
  const spanLimits = { spanUs, jumpDbps: asksPrices ? (limits.priceGapDbps ?? priceGapDbpsDefault) : undefined };
  const ordered = asksPrices ? seen : seen.map((one) => withLongTimes(one, sumsOf, spanUs));
  const spans = await spansOf(store, ordered, new Set(unproven), unsound, spanLimits, startMs, signal);
  const durations = await durationsOf(store, seen, unsound, sumsOf, limits.maxBarDurationHours, startMs);
  return {
    ...against,
    looksForJumps: asksPrices,
    spans: spans.found,
    durations: durations?.found,
    areCut: spans.isCut || durations?.isCut === true,
  };
}

/** Holds the bars of some units against coverage, and looks for nothing else in them. */
export async function compareBars(
  store: Store,
  units: readonly UnitOutline[],
  nowMs: number,
  signal: AbortSignal,
): Promise<BarsAgainstCoverage> {
  return compareSums(store, units, BigInt(minGapHoursDefault * 3_600_000_000), nowMs, signal);
}

async function compareSums(
  store: Store,
  units: readonly UnitOutline[],
  spanUs: bigint,
  nowMs: number,
  signal: AbortSignal,
): Promise<BarsAgainstCoverage & { readonly sumsOf: (unit: UnitOutline) => BarSums | undefined }> {
  const sums = new Map((await sumBars(store, units, periodOf(spanUs))).map((one) => [keyOf(one), one]));
  const sumsOf = (unit: UnitOutline): BarSums | undefined => sums.get(keyOf(unit));
  const gapsOf = new Map<UnitOutline, readonly Gap[]>();
  for (const unit of units.filter((one) => !areBarsProven(one, sumsOf(one)))) {
    signal.throwIfAborted();
    gapsOf.set(unit, await barGapsOf(store, unit, nowMs));
  }
  return {
    sumsOf,
    bars: [...sums.values()].reduce((sum, { rows }) => sum + rows, 0),
    gapsOf,
    overflows: units.flatMap((unit) => {
      const { negative = 0, rows = 0 } = sumsOf(unit) ?? {};
      return negative === 0 ? [] : [{ unit, negative, rows }];
    }),
  };
}

/** A time of twice a period without a close leaves a whole period without one. */
function periodOf(spanUs: bigint): bigint {
  return spanUs < 2n ? 1n : spanUs / 2n;
}

/** The units that may hold a long time between two closes, or end at one. */
function withLongTimes(
  { wish, units }: SeriesUnits,
  sumsOf: (unit: UnitOutline) => BarSums | undefined,
  spanUs: bigint,
): SeriesUnits {
  const chosen = new Set<UnitOutline>();
  const period = periodOf(spanUs);
  let before: { readonly unit: UnitOutline; readonly closeUs: bigint } | undefined;
  for (const unit of units) {
    const sums = sumsOf(unit);
    if (sums === undefined) continue;
    const all = sums.lastCloseUs / period - sums.firstCloseUs / period + 1n;
    if (BigInt(sums.periods) < all) chosen.add(unit);
    if (before !== undefined && sums.firstCloseUs - before.closeUs >= spanUs) chosen.add(before.unit).add(unit);
    before = { unit, closeUs: sums.lastCloseUs };
  }
  return { wish, units: units.filter((unit) => chosen.has(unit)) };
}

async function spansOf(
  store: Store,
  series: readonly SeriesUnits[],
  unproven: ReadonlySet<UnitOutline>,
  unsound: ReadonlySet<UnitOutline>,
  limits: SpanLimits,
  startMs: number,
  signal: AbortSignal,
): Promise<Listed<Span>> {
  const spans: Span[] = [];
  let isCut = false;
  for (const batch of batches(series)) {
    signal.throwIfAborted();
    const builds = batch.flatMap(({ units }) => units);
    const wishOf = new Map(batch.map(({ wish }) => [wish.series, wish]));
    const unitOf = new Map(builds.map((unit) => [`${unit.series} ${unit.segment}`, unit]));
    const nextOf = new Map(batch.flatMap(({ units }) => units.map((unit, i) => [unit, units[i + 1]] as const)));
    const areAllProven = !builds.some((unit) => unproven.has(unit));
    const pairs = await pairsOfBars(store, builds, areAllProven, limits);
    isCut ||= pairs.length >= pairsMost;
    for (const pair of pairs) {
      const wish = wishOf.get(pair.series);
      const unit = unitOf.get(`${pair.series} ${pair.segment}`);
      const before = unitOf.get(`${pair.series} ${pair.beforeSegment}`);
      // Units between them that were not read are no time without bars.
      const isNext = before === unit || (before !== undefined && nextOf.get(before) === unit);
      if (wish === undefined || !isNext || Number(pair.closeUs / 1000n) < startMs) continue;
      const isProven = ![before, unit].some((one) => one === undefined || unsound.has(one));
      spans.push(spanOf(pair, wish, unit, isProven, limits));
    }
  }
  return { found: spans, isCut };
}

/** Series together that have no more bars than may be put in order at once, and no more units than one statement may name. */
function* batches(series: readonly SeriesUnits[]): Generator<SeriesUnits[]> {
  let [batch, bars, units]: [SeriesUnits[], number, number] = [[], 0, 0];
  for (const one of series) {
    const own = one.units.reduce((sum, unit) => sum + unit.bars + unit.orphans, 0);
    if (batch.length > 0 && (bars + own > orderedMost || units + one.units.length > buildsMost)) {
      yield batch;
      [batch, bars, units] = [[], 0, 0];
    }
    if (own > 0) batch.push(one);
    bars += own;
    units += one.units.length;
  }
  if (batch.length > 0) yield batch;
}

async function durationsOf(
  store: Store,
  series: readonly SeriesUnits[],
  unsound: ReadonlySet<UnitOutline>,
  sumsOf: (unit: UnitOutline) => BarSums | undefined,
  maxHours: number | undefined,
  startMs: number,
): Promise<Listed<DurationAnomaly> | undefined> {
  if (maxHours === undefined) return undefined;
  const limitUs = BigInt(Math.round(maxHours * 3_600_000_000));
  const units = series.flatMap((one) => one.units).filter((unit) => (sumsOf(unit)?.longestUs ?? 0n) > limitUs);
  const unitOf = new Map(units.map((unit) => [`${unit.series} ${unit.segment}`, unit]));
  const bars = await longBars(store, units, limitUs, longMost);
  const found = bars
    .filter(({ closeUs }) => Number(closeUs / 1000n) >= startMs)
    .map((bar) => {
      const unit = unitOf.get(`${bar.series} ${bar.segment}`);
      return durationAnomalyOf(bar, unit, unit !== undefined && !unsound.has(unit));
    });
  return { found, isCut: bars.length >= longMost };
}

function keyOf({ series, segment, build }: Pick<BarSums, "series" | "segment" | "build">): string {
  return `${series} ${segment} ${build}`;
}
