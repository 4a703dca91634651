import { addDays, daysInclusive, type Day } from "../model/day.ts";
import { ConfigurationError, RefusedError } from "../model/errors.ts";
import type { Registry } from "./registry.ts";
import type { SymbolEntry } from "./registry-schema.ts";
import type { SymbolGate } from "./settings.ts";

/** The first day that is expected: `effective_start`, else the listing date. */
export function effectiveStart(entry: SymbolEntry): Day {
  return entry.effectiveStart ?? entry.listingDate;
}

/** Is the day inside a hole that the registry declares? */
export function isKnownGap(entry: Pick<SymbolEntry, "knownGaps"> | undefined, day: Day): boolean {
  return entry?.knownGaps.some((gap) => gap.startDate <= day && day <= gap.endDate) === true;
}

/**
 * Do declared holes explain ids that are missing between a trade of one day and the next trade on another? Every day that lies
 * between must be declared; where none does, one of the two.
 */
export function isDeclaredBetween(entry: Pick<SymbolEntry, "knownGaps"> | undefined, before: Day, after: Day): boolean {
  const between = daysInclusive(addDays(before, 1), addDays(after, -1));
  if (between.length > 0) return between.every((day) => isKnownGap(entry, day));
  return isKnownGap(entry, before) || isKnownGap(entry, after);
}

/**
 * A symbol's entry, or undefined where the gate lets an unregistered one through.
 * @param note told what a `warn` gate let through
 * @throws ConfigurationError BAD_SYMBOL, or UNKNOWN_SYMBOL, RefusedError SYMBOL_DISABLED under a `strict` gate
 */
export function admitSymbol(
  registry: Registry,
  symbol: string,
  gate: SymbolGate,
  note: (line: string) => void,
): SymbolEntry | undefined {
  if (!/^[A-Z0-9_]+$/.test(symbol)) {
    throw new ConfigurationError(`"${symbol}" is not a symbol's name`, {
      code: "BAD_SYMBOL",
      hint: "capitals, digits and _, such as BTCUSDT",
    });
  }
  const entry = registry.symbols.get(symbol);
  if (entry?.enabled === true) return entry;
  const problem = entry === undefined ? `${symbol} is not in the registry` : `${symbol} is disabled in the registry`;
  if (gate === "warn") note(`${problem} (${registry.file}); going on, RANGEBAR_SYMBOL_GATE=warn`);
  if (gate !== "strict") return entry;
  if (entry !== undefined) {
    throw new RefusedError(problem, {
      code: "SYMBOL_DISABLED",
      subject: registry.file,
      hint: `set enabled = true there, or let it through with RANGEBAR_SYMBOL_GATE=warn`,
    });
  }
  throw new ConfigurationError(problem, {
    code: "UNKNOWN_SYMBOL",
    subject: registry.file,
    hint: `it has ${[...registry.symbols.keys()].join(", ")}; add [symbols.${symbol}], or name another file with --symbols`,
  });
}
