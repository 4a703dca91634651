import {
  effectiveStart,
  thresholdFloor,
  type ProcessEnvironment,
  type Registry,
  type SymbolEntry,
} from "../config/index.ts";
import type { Day } from "../model/day.ts";
import { ConfigurationError } from "../model/errors.ts";
import type { Segmentation } from "../model/segments.ts";
import { parseThreshold, seriesId, type RangeSeries, type SeriesId, type ThresholdDbps } from "../model/series.ts";

/** A series that is to be kept whole and fresh. */
export interface SeriesWish {
  readonly series: SeriesId;
  readonly key: RangeSeries;
  readonly entry: SymbolEntry;
  /** The registry's first day; expected are those of them that are published. */
  readonly firstDay: Day;
  /** The registry's last day, of a symbol that no longer trades. */
  readonly lastDay: Day | undefined;
  /** How old its newest trade may be. */
  readonly maxStaleHours: number;
  /** Did the registry or whoever asked say so? Else it is the usual age, which an archive that has ended does not keep to. */
  readonly isObjectiveStated: boolean;
}

/** A series of the store that nobody asks to be kept: listed, never alarmed about. */
export interface UnmaintainedSeries {
  readonly series: SeriesId;
  readonly reason: string;
}

export interface Wishes {
  readonly wanted: readonly SeriesWish[];
  readonly unmaintained: readonly UnmaintainedSeries[];
}

/** Which series are looked at. */
export interface Selection {
  readonly symbols: readonly string[];
  readonly thresholds: readonly ThresholdDbps[];
  /** The registry's symbols of tier 1 at the usual thresholds, whatever is there. */
  readonly tier1Only: boolean;
  /** Only series that reset so; one without bars would reset as the settings say. */
  readonly segmentation?: Segmentation | undefined;
}

/** Everything that the store or the ledger knows. */
export const everything: Selection = { symbols: [], thresholds: [], tier1Only: false };

/** The thresholds that a symbol is kept at where a selection names symbols alone. */
export const usualThresholds = [250, 500, 750, 1000].map((one) => parseThreshold(one));

/** How old a series' newest trade may be where neither the registry nor the command says so. */
export const staleHoursDefault = 72;

/**
 * Which series should be there. Without a selection: those that are, or were, in the store. With one: symbols × thresholds, whether
 * they are there or not; of a symbol alone the thresholds it is kept at, or the usual ones; of a threshold alone every enabled symbol.
 * A symbol that is kept of several markets is looked at in each.
 * @throws ConfigurationError UNKNOWN_SYMBOL for a named one that is nowhere
 * @param known series that the store or the ledger knows
 * @param staleHours for series whose registry entry does not say
 */
export function wishesOf(
  registry: Registry,
  known: readonly RangeSeries[],
  selection: Selection,
  env: ProcessEnvironment,
  staleHours?: number,
): Wishes {
  const wanted: SeriesWish[] = [];
  const unmaintained: UnmaintainedSeries[] = [];
  for (const key of selected(registry, known, selection)) {
    const entry = registry.symbols.get(key.symbol);
    const reason = unmaintainedReason(entry, key, env);
    const series = seriesId(key);
    if (entry === undefined || reason !== undefined) {
      unmaintained.push({ series, reason: reason ?? "the symbol is not in the registry" });
      continue;
    }
    const stated = entry.maxStaleHours ?? staleHours;
    wanted.push({
      series,
      key,
      entry,
      firstDay: effectiveStart(entry),
      lastDay: entry.delistingDate,
      maxStaleHours: stated ?? staleHoursDefault,
      isObjectiveStated: stated !== undefined,
    });
  }
  return { wanted, unmaintained };
}

function selected(registry: Registry, known: readonly RangeSeries[], selection: Selection): RangeSeries[] {
  const { symbols, thresholds, tier1Only } = selection;
  if (symbols.length === 0 && thresholds.length === 0 && !tier1Only) return [...known];
  const enabled = [...registry.symbols].filter(([, entry]) => entry.enabled && (!tier1Only || entry.tier === 1));
  const named = symbols.length > 0 ? symbols : enabled.map(([symbol]) => symbol);
  const chosen = new Map<SeriesId, RangeSeries>();
  for (const symbol of named) {
    const entry = registry.symbols.get(symbol);
    if (tier1Only && entry?.tier !== 1) continue;
    const there = known.filter((one) => one.symbol === symbol);
    if (entry === undefined && there.length === 0) throw unknownSymbol(symbol, registry);
    const places = [...Map.groupBy(there, ({ venue, market }) => `${venue}/${market}`).values()];
    const nowhere = { venue: entry?.exchange ?? "binance", market: entry?.market ?? "spot" };
    for (const ofPlace of places.length > 0 ? places : [[]]) {
      const { venue, market } = ofPlace[0] ?? nowhere;
      const kept = ofPlace.length > 0 && !tier1Only ? ofPlace.map(({ threshold }) => threshold) : usualThresholds;
      for (const threshold of thresholds.length > 0 ? thresholds : kept) {
        const key: RangeSeries = { venue, market, symbol, threshold };
        chosen.set(seriesId(key), key);
      }
    }
  }
  return [...chosen.values()];
}

/** The answer to a named symbol that is nowhere. */
export function unknownSymbol(symbol: string, registry: Registry): ConfigurationError {
  return new ConfigurationError(`neither the registry nor the store has ${symbol}`, {
    code: "UNKNOWN_SYMBOL",
    subject: registry.file,
    hint: `check --symbol; the registry has ${[...registry.symbols.keys()].join(", ")}`,
  });
}

/** Whether somebody keeps a series: what becomes of others is nobody's trouble. */
export function isMaintained(registry: Registry, key: RangeSeries, env: ProcessEnvironment): boolean {
  return unmaintainedReason(registry.symbols.get(key.symbol), key, env) === undefined;
}

function unmaintainedReason(
  entry: SymbolEntry | undefined,
  { symbol, threshold }: RangeSeries,
  env: ProcessEnvironment,
): string | undefined {
  if (entry === undefined) return "the symbol is not in the registry";
  if (!entry.enabled) return "the symbol is disabled in the registry";
  const { floor, from } = thresholdFloor(entry, symbol, env);
  return threshold < floor ? `${threshold} dbps is below the symbol's floor of ${floor} (${from})` : undefined;
}
