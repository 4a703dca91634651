import { parseSeriesId, type SeriesId } from "../model/series.ts";
import { findGaps, type WatchRequest } from "../watch/find-gaps.ts";
import type { GapLook } from "./context.ts";

/**
 * What the watch finds of some symbols, or of all that are kept.
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
  const { gaps, findings } = await findGaps({ ...look, selection, limits: { barsOfUnits }, nowMs, signal });
  const wanted = series === undefined ? undefined : new Set<string>(series);
  return {
    gaps: wanted === undefined ? gaps : gaps.filter((gap) => wanted.has(gap.series)),
    unknown: findings.filter(({ verdict, kind }) => verdict === "unknown" && !kind.startsWith("gap-")),
  };
}
