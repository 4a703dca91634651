import { loadRegistry, type ProcessEnvironment, type Settings } from "../../config/index.ts";
import { exhaustedFindings, gapOfExhausted } from "../../heal/findings.ts";
import { healPolicy } from "../../heal/policy.ts";
import { syncLedger, type IncidentBody, type Ledger } from "../../ledger/index.ts";
import { ConfigurationError, Failure } from "../../model/errors.ts";
import { segmentationOf, segmentOf } from "../../model/segments.ts";
import { unitId } from "../../model/series.ts";
import { lastCommits, openExistingStore, storeIdOf, type UnitOutline } from "../../store/index.ts";
import { commitFindings } from "../checkpoint-findings.ts";
import { couldFind } from "../could-find.ts";
import { divergenceFindings, divergenceEnds } from "../divergence-finding.ts";
import { examinedBy } from "../examined.ts";
import { findGaps, type WatchReport } from "../find-gaps.ts";
import { ledgerFinding, storeFinding } from "../findings.ts";
import { unitsSeenInBars } from "../seen-in-bars.ts";
import type { GapQuestion } from "../watch-gaps.ts";
import { everything, staleHoursDefault } from "../wish.ts";
import type { IsWhole } from "./host-findings.ts";
import type { Part, PartLook } from "./part.ts";

/** Looks at series: gaps, freshness, checkpoints, and whether the store has still what it had. */
export interface SeriesPart extends Part {
  /** What is known of units when it is done; nothing where it could not look. */
  readonly isWhole: Promise<IsWhole>;
}

/**
 * @param ledger open; what is found out of archives is kept there
 * @param archiveWithinMs for archives alone: one that is silent is not to take the time of all else
 */
export function seriesPart(
  settings: Settings,
  env: ProcessEnvironment,
  ledger: Ledger,
  archiveWithinMs: number,
): SeriesPart {
  const known = Promise.withResolvers<IsWhole>();
  return {
    name: "series",
    isWhole: known.promise,
    look: async (signal): Promise<PartLook> => {
      try {
        return await lookAtSeries(settings, env, ledger, archiveWithinMs, signal, (report) =>
          known.resolve(wholeBy(report)),
        );
      } finally {
        known.resolve(() => undefined);
      }
    },
  };
}

async function lookAtSeries(
  settings: Settings,
  env: ProcessEnvironment,
  ledger: Ledger,
  archiveWithinMs: number,
  signal: AbortSignal,
  found: (report: WatchReport) => void,
): Promise<PartLook> {
  const registry = loadRegistry(settings.symbolsFile);
  try {
    const store = await openExistingStore(settings);
    try {
      ledger.checkBelongsTo(await storeIdOf(store));
      const limits = { maxStaleHours: staleHoursDefault, barsOfUnits: unitsSeenInBars(ledger) };
      const question: GapQuestion = { selection: everything, limits };
      const nowMs = ledger.clock.wallMs();
      const of = { store, ledger, registry, env, settings, ...question };
      const report = await findGaps({ ...of, archiveWithinMs, nowMs, signal });
      found(report);
      const commits = await lastCommits(store);
      signal.throwIfAborted();
      const { divergences } = await syncLedger(ledger, store, signal);
      // What nobody keeps is nobody's trouble, whatever has become of it.
      const left = new Set<string>(report.unmaintained.map(({ series }) => series));
      const keptDivergences = divergences.filter(({ unit }) => !left.has(unit.series));
      ledger.healTries.endAbandoned();
      const exhausted = exhaustedFindings(report.gaps, ledger.healTries.byGap(), report.nowMs, healPolicy);
      return {
        findings: [
          ...report.findings,
          ...commits.filter(({ series }) => !left.has(series)).flatMap(commitFindings),
          ...divergenceFindings(keptDivergences),
          ...exhausted,
        ],
        examined: [
          ...examinedBy(report, question),
          { kinds: ["checkpoint-differs", "store-differs"], subjects: "all" },
          { kinds: ["heal-exhausted"], subjects: "all", wouldSee: wouldSeeExhausted(report) },
        ],
        ends: new Map([
          ...divergenceEnds(divergences),
          ...ledger.incidents
            .live()
            .flatMap((one) => (left.has(one.subject) ? [[one.fingerprint, notKept] as const] : [])),
        ]),
        note: `${report.series.length} series, ${report.gaps.length} gaps, ${commits.length} checkpoints`,
      };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof Failure) || isOurs(error)) throw error;
    const finding = error.code.startsWith("LEDGER_") ? ledgerFinding(error) : storeFinding(error);
    return { findings: [finding], examined: [], note: finding.summary };
  }
}

/** Why trouble with a series is over that nobody keeps. */
const notKept = "its series is not maintained any more: nobody looks whether it is still so";

/** The registry or the settings are wrong: the store is not to blame. */
function isOurs(error: Failure): boolean {
  return error instanceof ConfigurationError && !error.code.startsWith("STORE_");
}

/** A gap that could not be looked for is not closed, however often it was tried. */
function wouldSeeExhausted(report: WatchReport): (incident: IncidentBody) => boolean {
  const isFindable = couldFind(report);
  const names = report.series.map(({ wish }) => wish.series);
  return (incident) => {
    const series = names.find((name) => incident.subject.startsWith(unitId(name, "")));
    return series === undefined || isFindable(gapOfExhausted(incident, series));
  };
}

/**
 * What nobody keeps counts as whole: whatever failed there is nobody's trouble. Of a unit without a gap nobody knows where its archive was
 * not asked in this very look: the day that could not be written may be one that is published since.
 */
function wholeBy({ series, unmaintained, gaps, archives, nowMs }: WatchReport): IsWhole {
  const left = unmaintained.map((one) => unitId(one.series, ""));
  const asked = new Set(
    archives.flatMap((one) => (one.facts.lookedMs === nowMs ? [`${one.market}/${one.symbol}`] : [])),
  );
  const lacking = new Set(gaps.map(({ unit }) => unit));
  const whole = new Map(
    series.flatMap(({ wish, units, isBlind }) => {
      const isAsked = asked.has(`${wish.key.market}/${wish.key.symbol}`);
      return units.map((unit) => {
        const id = unitId(unit.series, unit.segment);
        const isKnown = !isBlind && (isAsked || isOver(unit));
        return [id, !lacking.has(id) && (isKnown ? true : undefined)] as const;
      });
    }),
  );
  return (unit) => {
    if (left.some((prefix) => unit.startsWith(prefix))) return true;
    return whole.has(unit) ? whole.get(unit) : false;
  };
}

/** Built to the end of its segment: whatever is published meanwhile, nothing more is to be written there. */
function isOver({ segment, lastDay, lastDayDone }: UnitOutline): boolean {
  return lastDayDone && lastDay === segmentOf(lastDay, segmentationOf(segment)).lastDay;
}
