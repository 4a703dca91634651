import type { ProcessEnvironment, Registry, Settings } from "../config/index.ts";
import { currentFingerprint } from "../datasets/range/fingerprint.ts";
import { unitText, type Ledger } from "../ledger/index.ts";
import { addDays, dayStartMs, daysInclusive, type Day } from "../model/day.ts";
import type { UpstreamDataError } from "../model/errors.ts";
import { segmentationOf, type Segmentation } from "../model/segments.ts";
import { parseSeriesId, seriesId, unitId, type RangeSeries, type SeriesId } from "../model/series.ts";
import {
  buildsOf,
  builtDays,
  heldUnits,
  outlineUnits,
  storedRows,
  type BuildRecord,
  type BuiltDay,
  type Store,
  type UnitOutline,
} from "../store/index.ts";
import { digestDaysOf } from "./digest-days.ts";
import { compareBars, lookAtBars, type BarLook } from "./bar-look.ts";
import { lookAtArchives, type ArchiveAnswer, type ArchiveQuestion } from "./archive-look.ts";
import { buildGaps } from "./build-rules.ts";
import { nothingKnown } from "./condition.ts";
import type { Finding } from "./finding.ts";
import { barFindings, barOverflowFinding, cutLists } from "./bar-findings.ts";
import { archiveFindings, askedByName, freshnessFindings, gapFindings, overflowFindings } from "./findings.ts";
import { freshnessOf, type Freshness } from "./freshness.ts";
import { breaksOf, gapsOf, type AccountedBreak, type ExplainedHole } from "./gap-rules.ts";
import type { Gap } from "./gap.ts";
import { needsBars, windowStartMs, type WatchLimits } from "./limits.ts";
import type { QueueHealth } from "./queue-health.ts";
import { revisedGaps, unreadableGaps } from "./revision-rules.ts";
import { withAcceptance } from "./spans.ts";
import { unmatchedBy, type Unmatched } from "./unmatched.ts";
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
  /** What archives do not say within so long is not known; undefined where time does not matter. */
  readonly archiveWithinMs?: number;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** What was found of one series that is to be kept. */
export interface SeriesLook {
  readonly wish: SeriesWish;
  readonly units: readonly UnitOutline[];
  readonly freshness: Freshness | undefined;
  readonly gaps: readonly Gap[];
  readonly explained: readonly ExplainedHole[];
  /** Where ids of its coverage do not follow each other, within the window that is looked at. */
  readonly breaks: readonly AccountedBreak[];
  /** Nobody knows what is published of it. */
  readonly isBlind: boolean;
}

/** What a look at everything came to. */
export interface WatchReport {
  readonly nowMs: number;
  readonly series: readonly SeriesLook[];
  readonly unmaintained: readonly UnmaintainedSeries[];
  /** What was asked for and nothing was looked at of, or was left out of lists. */
  readonly unmatched: readonly Unmatched[];
  readonly archives: readonly ArchiveAnswer[];
  /** What the bars themselves came to; undefined where only coverage was looked at. */
  readonly bars: BarLook | undefined;
  /** What the hosts' queues hold; undefined where nobody asked. */
  readonly queue: QueueHealth | undefined;
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
  const outlines = await outlineUnits(store);
  const records = await buildsOf(store);
  const [rowsOf, isHeld] = [await storedRows(store), await heldUnits(store)];
  signal.throwIfAborted();

  const unitsOf = Map.groupBy(outlines, ({ series }) => series);
  const segmentationOfSeries = (series: SeriesId): Segmentation => {
    const segment = unitsOf.get(series)?.[0]?.segment;
    return segment === undefined ? request.settings.segmentation : segmentationOf(segment);
  };
  const known = knownSeries(outlines, records, ledger);
  const wishes = wishesOf(registry, known, selection, env, limits.maxStaleHours);
  const isChosen = ({ series }: { readonly series: SeriesId }): boolean =>
    selection.segmentation === undefined || segmentationOfSeries(series) === selection.segmentation;
  const [wanted, unmaintained] = [wishes.wanted.filter(isChosen), wishes.unmaintained.filter(isChosen)];
  const others = [...wishes.wanted, ...wishes.unmaintained].filter((one) => !isChosen(one));
  const unmatched = unmatchedBy(
    selection,
    { wanted, unmaintained },
    others.map(({ series }) => ({ series, segmentation: segmentationOfSeries(series) })),
  );
  const { archive, stateDirectory } = request.settings;
  const archives = await lookAtArchives(
    { location: archive, stateDirectory, withinMs: request.archiveWithinMs },
    questionsOf(wanted, unitsOf, doubtedDaysOf(ledger), limits.exhaustive === true),
    ledger,
    nowMs,
    signal,
  );
  const answerOf = new Map(archives.map((answer) => [`${answer.market}/${answer.symbol}`, answer]));
  const built = await compareDigests(request, [...unitsOf.keys()], answerOf);
  const recordOf = new Map(records.map((record) => [`${record.series} ${record.segment} ${record.build}`, record]));

  const wantedUnits = wanted.map((wish) => ({ wish, units: unitsOf.get(wish.series) ?? [] }));
  const seen = needsBars(limits) ? await lookAtBars(store, wantedUnits, limits, nowMs, signal) : undefined;
  const isDoubtful = ({ series, segment }: UnitOutline): boolean =>
    limits.barsOfUnits?.has(unitId(series, segment)) === true;
  const doubtful = wantedUnits.flatMap(({ units }) => units.filter(isDoubtful));
  const compared = seen ?? (await compareBars(store, doubtful, nowMs, signal));
  const lostIds = ledger.mirror.lostIds();
  const series = wantedUnits.map(({ wish, units }): SeriesLook => {
    const segmentation = segmentationOfSeries(wish.series);
    const answer = answerOf.get(`${wish.key.market}/${wish.key.symbol}`);
    const facts = answer?.facts ?? nothingKnown;
    const lost = units.flatMap((unit) => lostIds.get(unitText(unit)) ?? []);
    const { gaps, explained, breaks } = gapsOf({ wish, units, segmentation, archive: facts, lost, nowMs });
    const ofBuilds = units.flatMap((unit) => {
      const record = recordOf.get(`${unit.series} ${unit.segment} ${unit.build}`);
      const evidence = { unit, record, storedRows: rowsOf(unit), isHeld: isHeld(unit.series, unit.segment) };
      const named = compared.gapsOf.get(unit);
      const known = buildGaps(evidence, currentFingerprint(segmentation), nowMs);
      if (named === undefined || named.length === 0) return known;
      // Which bars are lost is better than how many.
      const [counted, others] = [known.filter(isOfLostBars), known.filter((gap) => !isOfLostBars(gap))];
      return [...others, ...named.map((gap) => (isOfLostBars(gap) && counted.length > 0 ? gap : inBars(gap)))];
    });
    const revised = revisedGaps(built.get(wish.series) ?? [], answer?.digests ?? new Map<Day, string>(), nowMs);
    // An archive that is only remembered may have gone on since.
    const publishedThrough = facts.lookedMs === nowMs ? facts.extent?.lastDay : undefined;
    const freshness = freshnessOf(wish, units.at(-1), publishedThrough, nowMs);
    const unread = unreadableGaps(units, answer?.unreadable ?? new Map<Day, UpstreamDataError>(), nowMs);
    const isInWindow = (one: Pick<Gap, "throughDay">): boolean => isWithin(one, limits, nowMs);
    return {
      wish,
      units,
      freshness,
      gaps: [...gaps, ...ofBuilds, ...revised, ...unread].filter(isInWindow),
      explained,
      breaks: breaks.filter(isInWindow),
      isBlind: facts.extent === undefined,
    };
  });

  const breaks = new Map(series.map((one) => [one.wish.series, one.breaks]));
  const bars = seen === undefined ? undefined : { ...seen, spans: withAcceptance(seen.spans, breaks) };
  const gaps = series.flatMap((one) => one.gaps);
  const isKnown = new Set<string>(known.map(seriesId));
  const findings = [
    ...archiveFindings(archives, nowMs),
    ...gapFindings(gaps).map((finding) => (isKnown.has(finding.subject) ? finding : askedByName(finding))),
    ...series.flatMap(({ wish, freshness }) => freshnessFindings(wish, freshness)),
    ...series.flatMap(({ units }) => units.flatMap(overflowFindings)),
    ...compared.overflows.map(barOverflowFinding),
    ...(bars === undefined ? [] : barFindings(bars, limits)),
  ];
  const untold = [...unmatched, ...(bars === undefined ? [] : cutLists(bars, limits))];
  return { nowMs, series, unmaintained, unmatched: untold, archives, bars, queue: undefined, gaps, findings };
}

/** A series that is gone from the store altogether is still known: by its builds' records, or by the ledger. */
function knownSeries(outlines: readonly UnitOutline[], records: readonly BuildRecord[], ledger: Ledger): RangeSeries[] {
  const names = [...outlines, ...records].map(({ series }) => series);
  return [...new Set([...names, ...ledger.mirror.units.series()])].sort().map(parseSeriesId);
}

function isOfLostBars({ cause }: Gap): boolean {
  return cause === "bars-lost";
}

function inBars(gap: Gap): Gap {
  return { ...gap, isSeenInBars: true };
}

/** By series, the days of incidents of published digests: who does not ask about them again cannot say that they are over. */
function doubtedDaysOf({ incidents }: Ledger): ReadonlyMap<string, readonly Day[]> {
  const bySubject = Map.groupBy(incidents.live(), ({ subject }) => subject);
  return new Map([...bySubject].map(([series, ofSeries]) => [series, ofSeries.flatMap(digestDaysOf)]));
}

/** One question per symbol, for all its series. */
function questionsOf(
  wanted: readonly SeriesWish[],
  unitsOf: ReadonlyMap<SeriesId, readonly UnitOutline[]>,
  doubtedDaysOfSeries: ReadonlyMap<string, readonly Day[]>,
  asksAllDigests: boolean,
): ArchiveQuestion[] {
  return [...Map.groupBy(wanted, ({ key }) => `${key.market}/${key.symbol}`).values()].flatMap((wishes) => {
    const [first] = wishes;
    if (first === undefined) return [];
    const units = wishes.map(({ key }) => unitsOf.get(seriesId(key)) ?? []);
    const { market, symbol } = first.key;
    const [built, days] = [builtSpan(units), units.flatMap(daysInside)];
    const isOver = wishes.every(({ lastDay }, i) => lastDay !== undefined && isBuiltThrough(units[i]?.at(-1), lastDay));
    const doubtedDays = wishes.flatMap(({ series }) => doubtedDaysOfSeries.get(series) ?? []);
    return [{ market, symbol, from: first.firstDay, built, days, asksAllDigests, doubtedDays, isOver }];
  });
}

function isBuiltThrough(last: UnitOutline | undefined, day: Day): boolean {
  return last !== undefined && (last.lastDayDone ? last.lastDay : addDays(last.lastDay, -1)) >= day;
}

/** From the first built day of any series to the last one of any. */
function builtSpan(units: readonly (readonly UnitOutline[])[]): ArchiveQuestion["built"] {
  const firstDays = units.flatMap((ofSeries) => ofSeries[0]?.firstDay ?? []).toSorted();
  const lastDays = units.flatMap((ofSeries) => ofSeries.at(-1)?.lastDay ?? []).toSorted();
  const [firstDay, lastDay, lastDayOfAll] = [firstDays[0], lastDays.at(-1), lastDays[0]];
  if (firstDay === undefined || lastDay === undefined || lastDayOfAll === undefined) return undefined;
  return { firstDay, lastDay, lastDayOfAll };
}

/**
 * What days were built from whose published digest is known. Days that were remembered as revised and are as published again, or
 * rebuilt, are forgotten; the others are remembered.
 */
async function compareDigests(
  { store, ledger, settings, nowMs }: WatchRequest,
  series: readonly SeriesId[],
  answerOf: ReadonlyMap<string, ArchiveAnswer>,
): Promise<ReadonlyMap<SeriesId, BuiltDay[]>> {
  // All series of a symbol, whichever were asked about: a day is forgotten when none of them is built from another digest.
  const asked = series.flatMap((one) => {
    const { market, symbol } = parseSeriesId(one);
    const answer = answerOf.get(`${market}/${symbol}`);
    return answer === undefined ? [] : [{ series: one, answer, days: [...answer.digests.keys()] }];
  });
  const rows = await builtDays(store, asked);
  const built = Map.groupBy(rows, (row) => row.series);
  const { archive: location } = settings;
  if (location === undefined) return built;
  ledger.transaction(() => {
    for (const [{ market, symbol, digests }, ofSymbol] of Map.groupBy(asked, ({ answer }) => answer)) {
      const ofDay = Map.groupBy(
        ofSymbol.flatMap((one) => built.get(one.series) ?? []),
        ({ day }) => day,
      );
      for (const [day, sha256] of digests) {
        const isRevised = ofDay.get(day)?.some((row) => row.sha256 !== sha256) === true;
        if (isRevised) ledger.archives.putDeviating({ location, market, symbol }, day, sha256, nowMs);
        else ledger.archives.forgetDeviating({ location, market, symbol }, day);
      }
    }
  });
  return built;
}

/** Days inside a series' coverage of which nothing is covered. */
function daysInside(units: readonly UnitOutline[]): Day[] {
  return breaksOf(units).flatMap(({ dayBefore, dayAfter }) =>
    daysInclusive(addDays(dayBefore, 1), addDays(dayAfter, -1)),
  );
}

function isWithin({ throughDay }: Pick<Gap, "throughDay">, limits: WatchLimits, nowMs: number): boolean {
  return dayStartMs(addDays(throughDay, 1)) > windowStartMs(limits, nowMs);
}
