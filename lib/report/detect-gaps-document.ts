import { exitCodes } from "../model/exit-codes.ts";
import { parseSeriesId } from "../model/series.ts";
import { absenceEntry } from "../watch/absence.ts";
import type { SeriesLook, WatchReport } from "../watch/find-gaps.ts";
import type { AccountedBreak } from "../watch/gap-rules.ts";
import type { DurationAnomaly, Span } from "../watch/spans.ts";
import type { DetectGapsDocument } from "./detect-gaps-schema.ts";
import { toldOf } from "./detect-gaps.ts";
import { findingEntry, findingsExitCode } from "./findings.ts";

type Part<Name extends keyof DetectGapsDocument> = NonNullable<DetectGapsDocument[Name]>;
type Item<Name extends keyof DetectGapsDocument> = Part<Name> extends readonly (infer One)[] ? One : never;

/** The answer of `detect-gaps` as one document, but for its version. */
export function detectGapsDocument(report: WatchReport): Omit<DetectGapsDocument, "version"> {
  const { series, unmaintained, archives, bars, queue, gaps, nowMs } = report;
  const told = toldOf(report);
  const spans = bars?.spans ?? [];
  const tradeIdGaps = series.flatMap(tradeIdGapsOf);
  const stale = series.flatMap(stalePairOf);
  return {
    generated_at: new Date(nowMs).toISOString(),
    verdict: verdictOf(report),
    bars_looked_at: bars?.bars ?? null,
    checked_pairs: series.length,
    skipped_pairs: unmaintained.length,
    temporal_gap_count: bars?.spans.filter(({ isLong }) => isLong).length ?? null,
    price_gap_count: bars?.looksForJumps === true ? bars.spans.filter(({ isJump }) => isJump).length : null,
    stale_pair_count: stale.length,
    duration_anomaly_count: bars?.durations?.length ?? null,
    lists_are_cut: bars?.areCut === true,
    gaps: spans.map(spanEntry),
    stale_pairs: stale,
    duration_anomalies: (bars?.durations ?? []).map(durationEntry),
    trade_id_gaps: tradeIdGaps,
    trade_id_unregistered_count: tradeIdGaps.filter(({ classification }) => classification === "unregistered").length,
    coverage: series.flatMap((one) => coverageEntry(one, bars === undefined ? undefined : spans)),
    ...(queue === undefined
      ? {}
      : {
          backfill_queue: {
            by_status: { ...queue.byStatus },
            oldest_pending: queue.oldestPending ?? null,
            max_running_hours: queue.maxRunningHours === undefined ? null : rounded(queue.maxRunningHours),
            is_healthy: queue.isHealthy,
          },
        }),
    series_gaps: gaps.map(
      ({ kind, cause, priority, series, unit, fromDay, throughDay, fromId, throughId, reason, absence }) => ({
        kind,
        cause,
        priority,
        series,
        unit,
        from_day: fromDay,
        through_day: throughDay,
        from_id: fromId?.toString() ?? null,
        through_id: throughId?.toString() ?? null,
        proof: reason,
        absence: absence === undefined ? null : absenceEntry(absence),
      }),
    ),
    explained: series.flatMap((one) =>
      one.explained.map(({ series, fromDay, throughDay, reason, absence }) => ({
        series,
        from_day: fromDay,
        through_day: throughDay,
        reason,
        absence: absence === undefined ? null : absenceEntry(absence),
      })),
    ),
    unmaintained: unmaintained.map(({ series, reason }) => ({ series, reason })),
    archives: archives.map(({ market, symbol, facts, failure }) => ({
      market,
      symbol,
      first_day: facts.extent?.firstDay ?? null,
      last_day: facts.extent?.lastDay ?? null,
      looked_at: facts.lookedMs === undefined ? null : new Date(facts.lookedMs).toISOString(),
      is_remembered: failure !== undefined || facts.lookedMs !== nowMs,
    })),
    findings: told.filter(({ verdict }) => verdict === "wrong").map(findingEntry),
    unknowns: told.filter(({ verdict }) => verdict === "unknown").map(findingEntry),
  };
}

function verdictOf(report: WatchReport): DetectGapsDocument["verdict"] {
  const code = findingsExitCode(toldOf(report));
  if (code === exitCodes.ok) return "clean";
  return code === exitCodes.findings ? "findings" : "unknown";
}

function pairOf(series: string): { readonly symbol: string; readonly threshold_dbps: number } {
  const { symbol, threshold } = parseSeriesId(series);
  return { symbol, threshold_dbps: threshold };
}

function spanEntry(span: Span): Item<"gaps"> {
  const { series, fromUs, toUs, closeBefore, openAfter, jumpDbps, isLong, isJump, proof, continuity } = span;
  const [start, end] = [milliseconds(fromUs), milliseconds(toUs)];
  return {
    ...pairOf(series),
    gap_start_ms: start,
    gap_end_ms: end,
    gap_hours: rounded((end - start) / 3_600_000),
    close_before: price(closeBefore),
    open_after: price(openAfter),
    price_gap_dbps: rounded(jumpDbps),
    gap_type: isLong && isJump ? "both" : isLong ? "temporal" : "price",
    gap_start: new Date(start).toISOString(),
    gap_end: new Date(end).toISOString(),
    proof,
    continuity,
  };
}

function durationEntry({ bar, hours, rangeDbps, proof }: DurationAnomaly): Item<"duration_anomalies"> {
  return {
    ...pairOf(bar.series),
    close_time_ms: milliseconds(bar.closeUs),
    duration_hours: rounded(hours),
    bar_open: price(bar.open),
    bar_close: price(bar.close),
    internal_range_dbps: rounded(rangeDbps),
    proof,
  };
}

/** Where ids do not follow each other in coverage, and where bars do not have the ids that coverage has. */
function tradeIdGapsOf({ wish, breaks, gaps }: SeriesLook): Item<"trade_id_gaps">[] {
  const inCoverage = breaks.map(({ at, account }): Item<"trade_id_gaps"> => {
    return {
      ...pairOf(wish.series),
      close_time_ms: milliseconds(at.afterFirstUs),
      prev_close_time_ms: milliseconds(at.beforeLastUs),
      first_agg_trade_id: at.afterFromId.toString(),
      prev_last_agg_trade_id: at.beforeThroughId.toString(),
      missing_trades: missingTrades(at).toString(),
      classification: classificationOf(account),
      known_gap_reason: account?.reason ?? null,
    };
  });
  const ofBars = gaps.flatMap(({ cause, kind, fromId, throughId }): Item<"trade_id_gaps">[] => {
    if (fromId === undefined || throughId === undefined || !["bars-lost", "doubled"].includes(cause)) return [];
    if (breaks.some(({ at }) => at.afterFromId === fromId)) return [];
    const count = throughId - fromId + 1n;
    const isOverlap = kind === "overlap";
    return [
      {
        ...pairOf(wish.series),
        close_time_ms: null,
        prev_close_time_ms: null,
        first_agg_trade_id: (isOverlap ? fromId : throughId + 1n).toString(),
        prev_last_agg_trade_id: (isOverlap ? throughId : fromId - 1n).toString(),
        missing_trades: (isOverlap ? -count : count).toString(),
        classification: "unregistered",
        known_gap_reason: null,
      },
    ];
  });
  return [...inCoverage, ...ofBars];
}

/** How many ids neither part has; below zero, how many both have. */
function missingTrades({ beforeThroughId, afterFromId, afterThroughId }: AccountedBreak["at"]): bigint {
  const isInside = afterThroughId < beforeThroughId;
  return afterFromId - (isInside ? afterThroughId : beforeThroughId) - 1n;
}

/** Older readers take what is unregistered for wrong: what a person has accepted is neither that nor in the registry. */
function classificationOf(account: AccountedBreak["account"]): Item<"trade_id_gaps">["classification"] {
  if (account === undefined) return "unregistered";
  return account.by === "registry" ? "registered" : "accepted";
}

function barsPerDay({ units }: SeriesLook): number {
  const [bars, days] = [sumOf(units.map((unit) => unit.bars)), sumOf(units.map((unit) => unit.days))];
  return days === 0 ? 0 : rounded(bars / days);
}

function stalePairOf(look: SeriesLook): Item<"stale_pairs">[] {
  const { wish, units, freshness } = look;
  const last = units.at(-1);
  if (freshness === undefined || last === undefined || freshness.state === "fresh") return [];
  return [
    {
      ...pairOf(wish.series),
      latest_bar: new Date(milliseconds(last.lastUs)).toISOString(),
      hours_since_last_bar: rounded(freshness.hoursSinceLast),
      bars_per_day: barsPerDay(look),
      max_stale_hours: freshness.maxStaleHours,
      is_dead: freshness.state === "dead",
    },
  ];
}

/** @param spans of all series; undefined where bars were not looked at */
function coverageEntry(look: SeriesLook, spans: readonly Span[] | undefined): Item<"coverage">[] {
  const { wish, units, freshness } = look;
  const [first] = units;
  const last = units.at(-1);
  if (first === undefined || last === undefined || freshness === undefined) return [];
  const hours = spans
    ?.filter(({ series, isLong }) => isLong && series === wish.series)
    .map(({ fromUs, toUs }) => Number(toUs - fromUs) / 3_600_000_000);
  return [
    {
      ...pairOf(wish.series),
      total_bars: sumOf(units.map((unit) => unit.bars)),
      earliest_ms: milliseconds(first.firstUs),
      latest_ms: milliseconds(last.lastUs),
      days_covered: sumOf(units.map((unit) => unit.days)),
      bars_per_day: barsPerDay(look),
      gap_count: hours?.length ?? null,
      total_gap_hours: hours === undefined ? null : rounded(sumOf(hours)),
      max_gap_hours: hours === undefined ? null : rounded(Math.max(0, ...hours)),
      hours_since_last_bar: rounded(freshness.hoursSinceLast),
      is_stale: freshness.state !== "fresh",
    },
  ];
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function milliseconds(us: bigint): number {
  return Number(us / 1000n);
}

/** A stored price as a number. */
function price(stored: bigint): number {
  return Number(stored) / 1e8;
}

/** To two places. */
function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
