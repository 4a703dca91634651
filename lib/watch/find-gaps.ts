import type { ProcessEnvironment, Registry, Settings } from "../config/index.ts";
import { currentFingerprint } from "../datasets/range/fingerprint.ts";
import type { Ledger } from "../ledger/index.ts";
import { addDays, dayOfMs, daysInclusive, type Day } from "../model/day.ts";
import { segmentationOf } from "../model/segments.ts";
import { parseSeriesId, seriesId, type RangeSeries, type SeriesId } from "../model/series.ts";
import {
  buildsOf,
  heldUnits,
  outlineUnits,
  storedRows,
  type BuildRecord,
  type Store,
  type UnitOutline,
} from "../store/index.ts";
import { lookAtArchives, type ArchiveAnswer, type ArchiveQuestion } from "./archive-look.ts";
import { buildGaps } from "./build-rules.ts";
import { nothingKnown } from "./condition.ts";
import type { Finding } from "./finding.ts";
import { archiveFindings, freshnessFindings, gapFindings, overflowFindings } from "./findings.ts";
import { freshnessOf, type Freshness } from "./freshness.ts";
import { gapsOf, type ExplainedHole } from "./gap-rules.ts";
import type { Gap } from "./gap.ts";
import { wishesOf, type Selection, type SeriesWish, type UnmaintainedSeries } from "./wish.ts";

/** What is looked at, and with what. */
export interface WatchRequest {
  readonly store: Store;
  /** What was found out of archives is kept there; it is also asked which series there were. */
  readonly ledger: Ledger;
  readonly registry: Registry;
  readonly env: ProcessEnvironment;
  readonly settings: Pick<Settings, "archive" | "stateDirectory" | "segmentation">;
  readonly selection: Selection;
  readonly limits: WatchLimits;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** From where on something is a finding. */
export interface WatchLimits {
  /** How old the newest trade may be of series whose registry entry does not say. */
  readonly maxStaleHours?: number | undefined;
  /** Only gaps of the last so many days; how fresh a series is does not depend on it. */
  readonly recentDays?: number | undefined;
  /** A longer time without trades, or between two bars, is listed. */
  readonly minGapHours: number;
}

/** What was found of one series that is to be kept. */
export interface SeriesLook {
  readonly wish: SeriesWish;
  readonly units: readonly UnitOutline[];
  readonly freshness: Freshness | undefined;
  readonly gaps: readonly Gap[];
  readonly explained: readonly ExplainedHole[];
}

/** What a look at everything came to. */
export interface WatchReport {
  readonly nowMs: number;
  readonly series: readonly SeriesLook[];
  readonly unmaintained: readonly UnmaintainedSeries[];
  readonly archives: readonly ArchiveAnswer[];
  /** Of all series, in their order. */
  readonly gaps: readonly Gap[];
  /** Everything that is wrong or could not be looked at; the gaps are among it. */
  readonly findings: readonly Finding[];
}

/**
 * Looks at coverage and archives and says what is missing, doubled, old or not known. Reads the store in a few statements,
 * whatever its size, and changes nothing there.
 * @throws what the store throws: nothing is known then, and that is for the caller to say
 */
export async function findGaps(request: WatchRequest): Promise<WatchReport> {
  const { store, ledger, registry, env, selection, limits, nowMs, signal } = request;
  const silenceUs = BigInt(Math.round(limits.minGapHours * 3_600_000_000));
  const outlines = await outlineUnits(store, silenceUs);
  const records = await buildsOf(store);
  const [rowsOf, isHeld] = [await storedRows(store), await heldUnits(store)];
  signal.throwIfAborted();

  const unitsOf = Map.groupBy(outlines, ({ series }) => series);
  const known = knownSeries(outlines, records, ledger);
  const { wanted, unmaintained } = wishesOf(registry, known, selection, env, limits.maxStaleHours);
  const archives = await lookAtArchives(
    { location: request.settings.archive, stateDirectory: request.settings.stateDirectory },
    questionsOf(wanted, unitsOf),
    ledger,
    nowMs,
    signal,
  );
  const factsOf = new Map(archives.map(({ market, symbol, facts }) => [`${market}/${symbol}`, facts]));
  const recordOf = new Map(records.map((record) => [`${record.series} ${record.segment} ${record.build}`, record]));

  const series = wanted.map((wish): SeriesLook => {
    const units = unitsOf.get(wish.series) ?? [];
    const [first] = units;
    const segmentation = first === undefined ? request.settings.segmentation : segmentationOf(first.segment);
    const archive = factsOf.get(`${wish.key.market}/${wish.key.symbol}`) ?? nothingKnown;
    const { gaps, explained } = gapsOf({ wish, units, segmentation, archive, nowMs });
    const ofBuilds = units.flatMap((unit) => {
      const record = recordOf.get(`${unit.series} ${unit.segment} ${unit.build}`);
      const evidence = { unit, record, storedRows: rowsOf(unit), isHeld: isHeld(unit.series, unit.segment) };
      return buildGaps(evidence, currentFingerprint(segmentation), nowMs);
    });
    const inWindow = [...gaps, ...ofBuilds].filter((gap) => isRecent(gap, limits.recentDays, nowMs));
    return { wish, units, freshness: freshnessOf(wish, units.at(-1), nowMs), gaps: inWindow, explained };
  });

  const gaps = series.flatMap((one) => one.gaps);
  const findings = [
    ...archiveFindings(archives, nowMs),
    ...gapFindings(gaps),
    ...series.flatMap(({ wish, freshness }) => freshnessFindings(wish, freshness)),
    ...series.flatMap(({ units }) => units.flatMap(overflowFindings)),
  ];
  return { nowMs, series, unmaintained, archives, gaps, findings };
}

/** A series that is gone from the store altogether is still known: by its builds' records, or by the ledger. */
function knownSeries(outlines: readonly UnitOutline[], records: readonly BuildRecord[], ledger: Ledger): RangeSeries[] {
  const names = [...outlines, ...records].map(({ series }) => series);
  return [...new Set([...names, ...ledger.mirror.units.series()])].sort().map(parseSeriesId);
}

/** One question per symbol, for all its series. */
function questionsOf(
  wanted: readonly SeriesWish[],
  unitsOf: ReadonlyMap<SeriesId, readonly UnitOutline[]>,
): ArchiveQuestion[] {
  return [...Map.groupBy(wanted, ({ key }) => `${key.market}/${key.symbol}`).values()].flatMap((wishes) => {
    const [first] = wishes;
    if (first === undefined) return [];
    const units = wishes.map(({ key }) => unitsOf.get(seriesId(key)) ?? []);
    // The series that is least far decides from where on days are asked about.
    const ends = units.map((ofSeries) => ofSeries.at(-1)?.lastDay);
    const least = ends.reduce((a, b) => (a === undefined || b === undefined ? undefined : a < b ? a : b));
    const { market, symbol } = first.key;
    return [{ market, symbol, from: first.firstDay, coveredThrough: least, days: units.flatMap(daysInside) }];
  });
}

/** Days inside a series' coverage of which nothing is covered. */
function daysInside(units: readonly UnitOutline[]): Day[] {
  const breaks = units.flatMap((unit) => unit.breaks.map(({ dayBefore, dayAfter }) => ({ dayBefore, dayAfter })));
  const joins = units
    .slice(1)
    .map((unit, i) => ({ dayBefore: units[i]?.lastDay ?? unit.firstDay, dayAfter: unit.firstDay }));
  return [...breaks, ...joins].flatMap(({ dayBefore, dayAfter }) =>
    daysInclusive(addDays(dayBefore, 1), addDays(dayAfter, -1)),
  );
}

function isRecent({ throughDay }: Gap, recentDays: number | undefined, nowMs: number): boolean {
  return recentDays === undefined || throughDay >= addDays(dayOfMs(nowMs), -recentDays);
}
