import {
  admitSymbol,
  checkThreshold,
  effectiveStart,
  thresholdFloor,
  type ProcessEnvironment,
  type Registry,
  type Settings,
} from "../../config/index.ts";
import { addDays, type Day } from "../../model/day.ts";
import { ConfigurationError, RefusedError } from "../../model/errors.ts";
import type { RangeSeries, ThresholdDbps } from "../../model/series.ts";
import { resolveDayRange } from "./range-request.ts";
import { openArchive } from "../../sources/archive/index.ts";
import type { SymbolWork } from "./populate.ts";

/** What was asked for, before the registry and the archive have been looked at. */
export interface PopulateRequest {
  readonly symbols: readonly string[];
  readonly thresholds: readonly ThresholdDbps[];
  readonly startAsked: Day | undefined;
  readonly endAsked: Day | undefined;
  /** Pairs below a floor are left out and told of, instead of refused: nobody named them one by one. */
  readonly leavesOutBelowFloor?: boolean;
}

/**
 * Turns a request into work per symbol: admitted by the registry, at or above the floors, with its days.
 * @throws ConfigurationError, RefusedError (every illegal pair in one message) before anything is changed
 */
export async function resolveWork(
  request: PopulateRequest,
  settings: Settings,
  registry: Registry,
  env: ProcessEnvironment,
  today: Day,
  note: (line: string) => void,
): Promise<SymbolWork[]> {
  const location = settings.archive;
  if (location === undefined) {
    throw new ConfigurationError("no archive was named", {
      code: "NO_ARCHIVE",
      hint: "give --archive DIR or URL (the folder that holds data/), or set BARKEEP_ARCHIVE",
    });
  }
  const symbols = [...new Set(request.symbols)];
  const entries = symbols.map((symbol) => admitSymbol(registry, symbol, settings.symbolGate, note));
  const named = symbols.map((symbol, i) => ({ symbol, entry: entries[i] }));
  const asked = [...new Set(request.thresholds)];
  if (request.leavesOutBelowFloor !== true) refuseIllegalPairs(named, asked, env);

  const work: SymbolWork[] = [];
  for (const { symbol, entry } of named) {
    const thresholds = asked.filter((threshold) => threshold >= thresholdFloor(entry, symbol, env).floor);
    const below = asked.filter((threshold) => !thresholds.includes(threshold));
    if (below.length > 0) note(`${symbol}: left out, below its floor: ${below.join(", ")} dbps`);
    if (thresholds.length === 0) continue;
    const market = settings.market ?? entry?.market ?? "spot";
    const source = await openArchive(location, market, symbol, settings.stateDirectory);
    const lastPublished =
      request.endAsked === undefined
        ? await source.lastPublished(lastPossible(today, entry?.delistingDate))
        : undefined;
    const range = resolveDayRange({
      symbol,
      startAsked: request.startAsked,
      endAsked: request.endAsked,
      effectiveStart: startOf(symbol, entry, request.startAsked),
      delistingDate: entry?.delistingDate,
      lastPublished,
      today,
    });
    for (const line of range.notes) note(line);
    const series = thresholds.map((threshold): RangeSeries => ({
      venue: entry?.exchange ?? "binance",
      market,
      symbol,
      threshold,
    }));
    work.push({ series, entry, range, segmentation: settings.segmentation, source });
  }
  return work;
}

/** A delisted symbol publishes nothing after its last day, and that may be years ago. */
function lastPossible(today: Day, delistingDate: Day | undefined): Day {
  const yesterday = addDays(today, -1);
  return delistingDate !== undefined && delistingDate < yesterday ? delistingDate : yesterday;
}

type Entry = ReturnType<typeof admitSymbol>;

function startOf(symbol: string, entry: Entry, startAsked: Day | undefined): Day {
  const start = entry === undefined ? startAsked : effectiveStart(entry);
  if (start !== undefined) return start;
  throw new ConfigurationError(`${symbol} is not in the registry, so its start is not known`, {
    code: "NO_START",
    subject: symbol,
    hint: "give --start-date, or add the symbol to the registry",
  });
}

/** All of them at once: who asked for ten pairs wants to correct them in one go. */
function refuseIllegalPairs(
  symbols: readonly { readonly symbol: string; readonly entry: Entry }[],
  thresholds: readonly ThresholdDbps[],
  env: ProcessEnvironment,
): void {
  const refused: RefusedError[] = [];
  for (const { symbol, entry } of symbols) {
    for (const threshold of thresholds) {
      try {
        checkThreshold(entry, symbol, threshold, env);
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
        refused.push(error);
      }
    }
  }
  const [first] = refused;
  if (first === undefined) return;
  if (refused.length === 1) throw first;
  throw new RefusedError(refused.map((error) => `${error.message}; ${error.hint ?? ""}`).join("\n"), {
    code: first.code,
    hint: "nothing was started; leave the refused pairs out or allow them as said",
  });
}
