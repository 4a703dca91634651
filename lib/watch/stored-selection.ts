import type { Registry } from "../config/index.ts";
import { parseSeriesId, type SeriesId, type ThresholdDbps } from "../model/series.ts";
import type { Unmatched } from "./unmatched.ts";
import { unknownSymbol, type Selection } from "./wish.ts";

/** Which of the series that are stored are looked at: all where neither is named. */
export type StoredSelection = Pick<Selection, "symbols" | "thresholds">;

/** What of the store a selection comes to. */
export interface StoredChoice {
  readonly series: ReadonlySet<SeriesId>;
  /** What it names and the store has nothing of. */
  readonly unmatched: readonly Unmatched[];
}

/**
 * Unlike a selection of what should be there it takes no series that is not stored: there is nothing to hold against itself.
 * @throws ConfigurationError UNKNOWN_SYMBOL for a named one that is nowhere
 */
export function storedChoice(
  registry: Registry,
  stored: readonly SeriesId[],
  selection: StoredSelection,
): StoredChoice {
  const named = namedBy(selection);
  if (named.length === 0) return { series: new Set(stored), unmatched: [] };
  for (const symbol of selection.symbols) {
    const isKnown = registry.symbols.has(symbol) || stored.some((series) => isOf(series, { symbol }));
    if (!isKnown) throw unknownSymbol(symbol, registry);
  }
  const isStored = (one: Named): boolean => stored.some((series) => isOf(series, one));
  return {
    series: new Set(stored.filter((series) => named.some((one) => isOf(series, one)))),
    unmatched: named.filter((one) => !isStored(one)).map(unmatched),
  };
}

/** A symbol, a threshold, or the two together. */
interface Named {
  readonly symbol?: string;
  readonly threshold?: ThresholdDbps;
}

function namedBy(selection: StoredSelection): Named[] {
  const [symbols, thresholds] = [[...new Set(selection.symbols)], [...new Set(selection.thresholds)]];
  if (symbols.length === 0) return thresholds.map((threshold) => ({ threshold }));
  if (thresholds.length === 0) return symbols.map((symbol) => ({ symbol }));
  return symbols.flatMap((symbol) => thresholds.map((threshold) => ({ symbol, threshold })));
}

function isOf(series: SeriesId, { symbol, threshold }: Named): boolean {
  const key = parseSeriesId(series);
  return (symbol ?? key.symbol) === key.symbol && (threshold ?? key.threshold) === key.threshold;
}

function unmatched({ symbol = "", threshold }: Named): Unmatched {
  const subject = threshold === undefined ? symbol : `${symbol}@${threshold}`;
  const summary = "nothing was looked at: the store has no such series";
  return { kind: "not-looked-at", subject, verdict: "unknown", summary, evidence: {} };
}
