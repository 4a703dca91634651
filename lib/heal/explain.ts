import { loadRegistry, type ProcessEnvironment, type Settings } from "../config/index.ts";
import { resolveSeries } from "../datasets/range/resolve-series.ts";
import { openLedger, type Incident } from "../ledger/index.ts";
import { ConfigurationError } from "../model/errors.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseThreshold, unitId } from "../model/series.ts";
import {
  isLive,
  lastCommits,
  leasesOf,
  openExistingStore,
  storeIdOf,
  type LeaseState,
  type Store,
} from "../store/index.ts";
import { commitFindings } from "../watch/checkpoint-findings.ts";
import { examinedBy } from "../watch/examined.ts";
import { findGaps, type SeriesLook, type WatchReport } from "../watch/find-gaps.ts";
import type { Finding } from "../watch/finding.ts";
import { isFindingOfSeries, isFindingOfUnit, type About } from "../watch/finding-units.ts";
import { isOfSelection } from "../watch/findings.ts";
import { nameOf, titleOf } from "../watch/incident-messages.ts";
import { isExamined } from "../watch/incident-rules.ts";
import { asFindingKind, findingKinds } from "../watch/kinds.ts";
import type { Examined } from "../watch/look.ts";
import { unitsSeenInBars } from "../watch/seen-in-bars.ts";
import { agendaOf, type Agenda } from "./agenda.ts";
import { gapExplanation } from "./explain-gap.ts";
import { edgeSentence, seriesSentences, stateFix, type ArchiveAsked } from "./explain-state.ts";
import { obstaclesTo, rebuildByHand } from "./obstacles.ts";
import { healPolicy } from "./policy.ts";
import { unitFacts } from "./unit-facts.ts";

/** What is known of a series, or of one of its units, in sentences. */
export interface SeriesExplanation {
  readonly subject: string;
  readonly isComplete: boolean;
  /** Something could not be looked at: nobody knows whether what is told is all. */
  readonly isUnknown: boolean;
  /** What is there, what is missing and why, who works on it, what happens next; in this order. */
  readonly sentences: readonly string[];
  /** The one command to type; undefined where there is nothing to do. */
  readonly fix: string | undefined;
}

/** `BTCUSDT@250` or the name in full. @throws ConfigurationError BAD_SERIES */
export function isSeriesName(text: string): boolean {
  return namePattern.test(text);
}

const namePattern = /^(?:range:[a-z0-9-]+\/[a-z-]+\/)?([A-Z0-9_]+)@(\d+)$/;

/**
 * Looks at a series as the watch does, at every bar of it too, and says what it finds in sentences. Changes nothing.
 * @param unit only its gaps
 * @throws ConfigurationError BAD_SERIES, UNKNOWN_SERIES; UnavailableError STORE_ABSENT; what the store throws
 */
export async function explainSeries(
  name: string,
  unit: string | undefined,
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
): Promise<SeriesExplanation> {
  const [, symbol, threshold] = namePattern.exec(name) ?? [];
  if (symbol === undefined || threshold === undefined) {
    throw new ConfigurationError(`"${name}" is not a series`, { code: "BAD_SERIES", hint: "write it as BTCUSDT@250" });
  }
  const selection = { symbols: [symbol], thresholds: [parseThreshold(threshold)], tier1Only: false };
  const registry = loadRegistry(settings.symbolsFile);
  const store = await openExistingStore(settings);
  try {
    using ledger = openLedger(settings.stateDirectory);
    ledger.checkBelongsTo(await storeIdOf(store));
    ledger.healTries.endAbandoned();
    const nowMs = ledger.clock.wallMs();
    const limits = { looksAtBars: true };
    const request = { store, ledger, registry, env, settings, selection, limits, nowMs, signal };
    const report = await findGaps(request);
    const { series, unmaintained } = report;
    const names = [...series.map(({ wish }) => wish.series), ...unmaintained.map((one) => one.series)];
    const subject = resolveSeries(name, names);
    const look = series.find(({ wish }) => wish.series === subject);
    const commits = await lastCommits(store, subject);
    const findings = [...report.findings, ...commits.flatMap(commitFindings)];
    const outline = look?.units.find(({ segment }) => unitId(subject, segment) === unit);
    const isOfSubject = (finding: About): boolean =>
      unit === undefined ? isFindingOfSeries(finding, subject) : isFindingOfUnit(finding, unit, outline);
    // What this very look would have found is told as it is found; an incident of it may be over.
    const examined = [...examinedBy(report, { selection, limits }), ...examinedHere(subject, look)];
    const open = ledger.incidents.live().filter((one) => isOfSubject(one) && !isExamined({ examined }, one));
    const wrong = findings.filter((one) => one.verdict === "wrong" && !one.kind.startsWith("gap-") && isOfSubject(one));
    const told = [...wrong.map(findingSentence), ...open.map(incidentSentence)];
    const left = unmaintained.find((one) => one.series === subject);
    if (left !== undefined) {
      const why = [`${subject} is not kept: ${left.reason}.`, "Nobody looks for gaps in it, and none is healed."];
      return {
        subject,
        isComplete: told.length === 0,
        isUnknown: false,
        sentences: [...why, ...told],
        fix: checkpointFix(wrong),
      };
    }
    if (look === undefined) throw new Error(`${subject} was asked for and not looked at`);
    const unknown = findings.filter(
      (one) =>
        one.verdict === "unknown" &&
        !one.kind.startsWith("gap-") &&
        // What could not be looked at of another unit of the series is not this one's.
        (isOfSubject(one) || !isFindingOfSeries(one, subject)),
    );
    const gaps = look.gaps.filter((gap) => unit === undefined || gap.unit === unit);
    const facts = await unitFacts(store, [subject]);
    const tries = ledger.healTries.byGap();
    const writers = await writersOf(store, look);
    const seenUnits = unitsSeenInBars(ledger);
    // Asked for here by its name, and by no heal: the store has nothing of it.
    const isNobodys = findings.some((one) => one.subject === subject && isOfSelection(one));
    const explained = [];
    for (const gap of gaps) {
      const agenda = await withObstacles(agendaOf([gap], facts, tries, nowMs, healPolicy), store);
      const isOnlyInBars = gap.isSeenInBars === true && !seenUnits.has(gap.unit);
      const unseen = isNobodys ? "series" : isOnlyInBars ? "bars" : undefined;
      explained.push(gapExplanation(gap, { agenda, tries, writer: writers.get(gap.unit), unseen }));
    }
    const isUnknown = unknown.length > 0 || gaps.some(({ cause }) => cause === "not-known");
    const asked = archiveLookOf(report, look);
    const isComplete = gaps.length === 0 && told.length === 0 && !isUnknown;
    return {
      subject: unit ?? subject,
      isComplete,
      isUnknown,
      sentences: [
        ...(unit === undefined ? seriesSentences(look) : []),
        ...unknown.map((one) => `It is not known whether that is all: ${one.subject}: ${one.summary}.`),
        ...told,
        ...explained.flatMap(({ sentences }) => sentences),
        ...(isComplete && unit === undefined ? [edgeSentence(look, asked)] : []),
      ],
      fix:
        explained.find(({ fix }) => fix !== undefined)?.fix ??
        checkpointFix(wrong) ??
        (unit === undefined && gaps.length === 0 && !isUnknown ? stateFix(look, asked) : undefined),
    };
  } finally {
    await store.close();
  }
}

/** What keeps the repair of a gap from being begun, in the place of the repair. */
async function withObstacles({ repairs, left }: Agenda, store: Store): Promise<Agenda> {
  const [repair] = repairs;
  if (repair === undefined) return { repairs, left };
  const [gap] = repair.gaps;
  const obstacle = (await obstaclesTo(repair, store)).get(gap.unit);
  return obstacle === undefined ? { repairs, left } : { repairs: [], left: [{ gap, ...obstacle }] };
}

/** What was asked of its archive. */
function archiveLookOf({ archives, nowMs }: WatchReport, { wish }: SeriesLook): ArchiveAsked {
  const { market, symbol } = wish.key;
  const lookedMs = archives.find((one) => one.market === market && one.symbol === symbol)?.facts.lookedMs;
  return { lookedMs, isAskedNow: lookedMs === nowMs };
}

function checkpointFix(wrong: readonly Finding[]): string | undefined {
  const unit = wrong.find(({ kind }) => kind === "checkpoint-differs")?.place;
  return unit === undefined ? undefined : rebuildByHand(unit);
}

/** What is looked at here of one series, beside its gaps. */
function examinedHere(series: string, look: SeriesLook | undefined): Examined[] {
  const units = look?.units.map(({ segment }) => unitId(series, segment));
  return [
    { kinds: ["checkpoint-differs"], subjects: new Set([series]) },
    { kinds: ["sum-overflow"], subjects: new Set(units), looksAtBars: true },
  ];
}

function findingSentence(finding: Finding): string {
  const { title, whatToDo } = findingKinds[finding.kind];
  return `${nameOf(finding)}: ${title}: ${finding.summary}. ${whatToDo}`;
}

function incidentSentence(incident: Incident): string {
  const known = asFindingKind(incident.kind);
  const advice = known === undefined ? "" : ` ${findingKinds[known].whatToDo}`;
  return `#${incident.id} ${nameOf(incident)}: ${titleOf(incident)}: ${incident.summary}.${advice}`;
}

/** Who writes the published builds of a series at the moment, by unit. */
async function writersOf(store: Store, { gaps, units, wish }: SeriesLook): Promise<ReadonlyMap<string, LeaseState>> {
  const writers = new Map<string, LeaseState>();
  for (const unit of new Set(gaps.map((gap) => gap.unit))) {
    const segment = parseSegmentId(unit.slice(unit.lastIndexOf(":") + 1));
    const build = units.find((one) => one.segment === segment)?.build ?? 1;
    // A rebuild holds the lease on the next number.
    for (const number of [build, build + 1]) {
      const live = (await leasesOf(store, { series: wish.series, segment, build: number })).findLast(isLive);
      if (live !== undefined) writers.set(unit, live);
    }
  }
  return writers;
}
