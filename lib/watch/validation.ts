import type { Registry } from "../config/index.ts";
import { verifyStored } from "../datasets/range/verify.ts";
import { Failure } from "../model/errors.ts";
import { parseSeriesId, unitId, type SeriesId } from "../model/series.ts";
import {
  featureFaults,
  outlineUnits,
  storeVersion,
  sumBars,
  type FeatureFaults,
  type Store,
  type UnitOutline,
} from "../store/index.ts";
import { barGapsOf } from "./bar-gaps.ts";
import { areBarsProven } from "./bar-proof.ts";
import type { Finding } from "./finding.ts";
import { gapFindings } from "./findings.ts";
import { breaksOf } from "./gap-rules.ts";
import type { Gap } from "./gap.ts";
import { storedChoice, type StoredSelection } from "./stored-selection.ts";
import type { Unmatched } from "./unmatched.ts";

/** One of the things that a store is held against. */
export interface Check {
  readonly name: "selection" | "store" | "ids" | "series" | "features";
  /** What was looked at, for a person. */
  readonly what: string;
  readonly findings: readonly (Finding | Unmatched)[];
}

export interface ValidationRequest {
  readonly store: Store;
  readonly registry: Registry;
  readonly selection: StoredSelection;
  /** Ids that are there twice, and nothing else. */
  readonly dedupOnly: boolean;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/**
 * Holds the store, or what is selected of it, against itself, by reading alone: no row of it is written, changed or deleted. Of a
 * selection that comes to nothing there is no check but the one that says so: nothing else is sound for that.
 * @throws ConfigurationError UNKNOWN_SYMBOL
 */
export async function validateStore(request: ValidationRequest): Promise<Check[]> {
  const { store, registry, selection, dedupOnly } = request;
  const all = await outlineUnits(store);
  const stored = seriesOf(all);
  const { series, unmatched } = storedChoice(registry, stored, selection);
  const isSelection = selection.symbols.length + selection.thresholds.length > 0;
  const what = `${series.size} of ${stored.length} series`;
  const selected: Check[] = isSelection ? [{ name: "selection", what, findings: unmatched }] : [];
  if (isSelection && series.size === 0) return selected;
  const units = all.filter((unit) => series.has(unit.series));
  const ids = await checkIds(request, units);
  if (dedupOnly) return [...selected, ids];
  const answers = await checkStore(store, units);
  return [...selected, answers, ids, await checkSeries(request, [...series]), await checkFeatures(store, [...series])];
}

function seriesOf(units: readonly UnitOutline[]): SeriesId[] {
  return [...new Set(units.map((unit) => unit.series))];
}

/** That it answers. */
async function checkStore(store: Store, units: readonly UnitOutline[]): Promise<Check> {
  const version = await storeVersion(store);
  const bars = units.reduce((sum, unit) => sum + unit.bars + unit.orphans, 0);
  const held = units.length === 0 ? "which holds nothing to look at" : `${units.length} units, ${bars} bars`;
  return { name: "store", what: `ClickHouse ${version}, ${held}`, findings: [] };
}

/** Each bar begins with the id behind the one before it, and none is there twice, in coverage and in the bars. */
async function checkIds(
  { store, dedupOnly, nowMs, signal }: ValidationRequest,
  units: readonly UnitOutline[],
): Promise<Check> {
  const sums = new Map(
    (await sumBars(store, units, 3_600_000_000n)).map((one) => [unitId(one.series, one.segment), one]),
  );
  const gaps: Gap[] = [];
  for (const unit of units) {
    signal.throwIfAborted();
    const isProven = areBarsProven(unit, sums.get(unitId(unit.series, unit.segment)));
    if (!isProven) gaps.push(...(await barGapsOf(store, unit, nowMs)));
  }
  const doubled = units.flatMap((unit) => doubledParts(unit));
  const wanted = gaps.filter(({ kind }) => !dedupOnly || kind === "overlap");
  const rows = [...sums.values()].reduce((sum, one) => sum + one.rows, 0);
  return { name: "ids", what: `${rows} rows of bars`, findings: [...gapFindings(wanted), ...doubled] };
}

function doubledParts(unit: UnitOutline): Finding[] {
  return breaksOf([unit])
    .filter(({ beforeThroughId, afterFromId }) => afterFromId <= beforeThroughId)
    .map(({ dayAfter, beforeThroughId, afterFromId }): Finding => {
      const ids = `${afterFromId} … ${beforeThroughId}`;
      const summary = `${dayAfter}: ids ${ids} are covered twice`;
      return {
        kind: "gap-overlap",
        subject: unit.series,
        place: dayAfter,
        verdict: "wrong",
        summary,
        evidence: { ids },
      };
    });
}

/** What `verify` finds. */
async function checkSeries(
  { store, registry, signal }: ValidationRequest,
  series: readonly SeriesId[],
): Promise<Check> {
  const findings: Finding[] = [];
  for (const one of series) {
    signal.throwIfAborted();
    try {
      const result = await verifyStored(store, one, registry.symbols.get(parseSeriesId(one).symbol), { signal });
      findings.push(
        ...result.findings.map(({ code, text }): Finding => {
          return {
            kind: "store-differs",
            subject: one,
            place: code,
            verdict: "wrong",
            summary: text,
            evidence: { code },
          };
        }),
      );
    } catch (error) {
      if (!(error instanceof Failure) || error.code === "STORE_AWAY") throw error;
      const { code, message } = error;
      findings.push({
        kind: "store-differs",
        subject: one,
        place: code,
        verdict: "unknown",
        summary: message,
        evidence: { code },
      });
    }
  }
  return { name: "series", what: `${series.length} series as verify proves them`, findings };
}

async function checkFeatures(store: Store, series: readonly SeriesId[]): Promise<Check> {
  const findings = (await featureFaults(store, series)).flatMap(featureFindings);
  return { name: "features", what: "values that formulas can give and trades have given", findings };
}

function featureFindings({ series, bars, impossible, constant, fillCounts }: FeatureFaults): Finding[] {
  const ofFeature = (feature: string, summary: string, evidence: Record<string, string>): Finding => ({
    kind: "store-differs",
    subject: series,
    place: feature,
    verdict: "wrong",
    summary,
    evidence: { feature, ...evidence },
  });
  return [
    ...Object.entries(impossible).map(([feature, count]) =>
      ofFeature(feature, `${count} bars have a ${feature} that its formula cannot give`, { bars: count.toString() }),
    ),
    ...constant.map((feature) =>
      ofFeature(feature, `all ${bars} bars have the same ${feature}`, { bars: bars.toString() }),
    ),
    ...(fillCounts === undefined
      ? []
      : [
          ofFeature("individual_trade_count", `${bars} bars have ${fillCounts} different numbers of fills`, {
            bars: bars.toString(),
            counts: fillCounts.toString(),
          }),
        ]),
  ];
}
