import type { Registry } from "../config/index.ts";
import { RefusedError } from "../model/errors.ts";
import { parseSeriesId, type SeriesId } from "../model/series.ts";
import { findGaps, type WatchReport, type WatchRequest } from "../watch/find-gaps.ts";
import type { GapLook } from "./context.ts";

/**
 * What the watch finds of some symbols, or of all that are kept.
 * @throws RefusedError SYMBOL_NOT_KEPT for a symbol of which no series is kept; what the store throws
 * @param barsOfUnits units whose bars are held against coverage: {@link unitsSeenInBars}
 * @param series of these only, and what could not be looked at meanwhile
 */
export async function lookForGaps(
  look: Pick<WatchRequest, "store" | "ledger" | "registry" | "env" | "settings">,
  barsOfUnits: ReadonlySet<string>,
  symbols: readonly string[],
  signal: AbortSignal,
  series?: readonly SeriesId[],
): Promise<GapLook> {
  const named = series === undefined ? symbols : [...new Set(series.map((one) => parseSeriesId(one).symbol))];
  const selection = { symbols: named, thresholds: [], tier1Only: false };
  const nowMs = look.ledger.clock.wallMs();
  const report = await findGaps({ ...look, selection, limits: { barsOfUnits }, nowMs, signal });
  const { gaps, findings } = report;
  if (series === undefined) symbols.forEach((symbol) => checkKept(symbol, report, look.registry));
  const wanted = series === undefined ? undefined : new Set<string>(series);
  return {
    looked: new Set(report.series.map(({ wish }) => wish.series)),
    gaps: wanted === undefined ? gaps : gaps.filter((gap) => wanted.has(gap.series)),
    unknown: findings.filter(({ verdict, kind }) => verdict === "unknown" && !kind.startsWith("gap-")),
  };
}

/** Nobody is to take it for whole that was not looked at. */
function checkKept(symbol: string, { series, unmaintained }: WatchReport, { file }: Registry): void {
  if (series.some(({ wish }) => wish.key.symbol === symbol)) return;
  const left = unmaintained.find((one) => parseSeriesId(one.series).symbol === symbol);
  if (left === undefined) return;
  throw new RefusedError(`${symbol} is not kept, so no heal looks at it: ${left.reason}`, {
    code: "SYMBOL_NOT_KEPT",
    subject: file,
    hint: `set enabled = true under [symbols.${symbol}] and a min_threshold that its series have, or leave it out of --symbol`,
  });
}
