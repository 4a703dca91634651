import { isOfOneBar } from "./bar-findings.ts";
import { couldFind } from "./could-find.ts";
import type { SeriesLook, WatchReport } from "./find-gaps.ts";
import type { IncidentBody } from "../ledger/index.ts";
import type { Finding } from "./finding.ts";
import { isOfSelection } from "./findings.ts";
import { gapKinds } from "./kinds.ts";
import { minGapHoursDefault, needsBars, priceGapDbpsDefault, windowStartMs, type WatchLimits } from "./limits.ts";
import type { Examined } from "./look.ts";
import { queuePlace } from "./queue-health.ts";
import { areAllAmong } from "./seen-in-bars.ts";
import type { GapQuestion } from "./watch-gaps.ts";

/** What a look at gaps has looked at to the end: of all series, or of those that were selected. Nothing where it could not look. */
export function examinedBy(report: WatchReport, { selection, limits, hosts = [] }: GapQuestion): Examined[] {
  const queues = new Set(report.queue === undefined ? [] : hosts.map(({ name }) => `host:${name}`));
  const ofQueues: Examined = {
    kinds: ["host-unsound"],
    subjects: queues,
    wouldSee: ({ place }) => place === queuePlace,
  };
  if (report.findings.some(isOfSource)) return [ofQueues];
  const { symbols, thresholds, tier1Only, segmentation } = selection;
  const isAll = symbols.length === 0 && thresholds.length === 0 && !tier1Only && segmentation === undefined;
  const of = (names: readonly string[]): Examined["subjects"] => (isAll ? "all" : new Set(names));
  // What is not kept any more is nobody's trouble.
  const known = new Set<string>([
    ...report.series.map(({ wish }) => wish.series),
    ...report.unmaintained.map((one) => one.series),
  ]);
  const subjects = of([...known]);
  const lookOf = new Map<string, SeriesLook>(report.series.map((look) => [look.wish.series, look]));
  // Who was excused here may be a finding of a look with an objective.
  const judged = report.series.filter(({ freshness }) => freshness?.isExcused !== true);
  const freshSubjects =
    judged.length === report.series.length ? subjects : new Set(judged.map(({ wish }) => wish.series));
  const isFindable = couldFind(report);
  // What somebody asked for that the store has nothing of is found by asking for it alone.
  const wouldSeeGap = (incident: IncidentBody): boolean =>
    (!isAll || !isOfSelection(incident) || known.has(incident.subject)) && isFindable(incident);
  const looksAtBars = needsBars(limits);
  const { barsOfUnits } = limits;
  // What lies further back than it was asked to look is as it was.
  const isOfAllTime = windowStartMs(limits, report.nowMs) === Number.NEGATIVE_INFINITY;
  const ofAllTime: readonly Examined[] = [
    { kinds: gapKinds, subjects, looksAtBars, wouldSee: wouldSeeGap },
    ...(barsOfUnits === undefined
      ? []
      : [
          {
            kinds: [...gapKinds, "sum-overflow"],
            subjects: "all",
            looksAtBars: true,
            wouldSee: (incident) => areAllAmong(barsOfUnits, incident) && wouldSeeGap(incident),
          } satisfies Examined,
        ]),
    ...(report.bars?.areCut === false
      ? [
          {
            kinds: ["duration-anomaly", "price-jump"],
            subjects,
            looksAtBars,
            wouldSee: (incident) => isWithinLimits(limits, incident),
          } satisfies Examined,
        ]
      : []),
    ...(isAll ? [{ kinds: ["sum-overflow"], subjects: "all", looksAtBars } satisfies Examined] : []),
  ];
  return [
    ...(isOfAllTime ? ofAllTime : []),
    {
      kinds: ["series-not-fresh", "series-dead"],
      subjects: freshSubjects,
      looksAtBars: true,
      wouldSee: (incident) => isWithinAge(lookOf.get(incident.subject), incident),
    },
    { kinds: ["archive-unreachable"], subjects: "all", looksAtBars: true, wouldSee: archivesAsked(report, isAll) },
    { kinds: ["store-unreachable", "ledger-unreadable"], subjects: "all", looksAtBars: true },
    ofQueues,
  ];
}

/** Whether the archives of all symbols that an incident names were asked; of all series, those that are left out are not kept any more. */
function archivesAsked({ archives, nowMs }: WatchReport, isAll: boolean): (incident: IncidentBody) => boolean {
  const wasAsked = new Map(
    archives.map(({ market, symbol, facts }) => [`archive:${market} ${symbol}`, facts.lookedMs === nowMs]),
  );
  return ({ subject, evidence: { symbols = "" } }) =>
    symbols.split(" ").every((symbol) => wasAsked.get(`${subject} ${symbol}`) ?? isAll);
}

/** Whether a series is as fresh as an incident wanted it, or was held to no greater age now. The registry's word goes before both. */
function isWithinAge(look: SeriesLook | undefined, { evidence }: IncidentBody): boolean {
  if (look?.freshness === undefined || look.wish.entry.maxStaleHours !== undefined) return true;
  const wanted = Number(evidence["max_stale_hours"] ?? Infinity);
  return Math.min(look.wish.maxStaleHours, look.freshness.hoursSinceLast) <= wanted;
}

/** Whether a look with these limits tells of a long time, or of a step of price, that is as large as this one was. */
function isWithinLimits(limits: WatchLimits, { kind, place, evidence }: IncidentBody): boolean {
  const { strictTime, strictPrice, minGapHours, maxBarDurationHours, priceGapDbps } = limits;
  if (kind === "price-jump") {
    return strictPrice === true && Number(evidence["jump_dbps"]) >= (priceGapDbps ?? priceGapDbpsDefault);
  }
  const least = isOfOneBar(place) ? maxBarDurationHours : (minGapHours ?? minGapHoursDefault);
  // What its ids do not decide, or say to be a hole, is told whether or not long times are to be findings.
  const isTold = strictTime === true || evidence["proof"] !== "contiguous";
  return isTold && least !== undefined && Number(evidence["hours"]) >= least;
}

function isOfSource({ kind }: Finding): boolean {
  return kind === "store-unreachable" || kind === "ledger-unreadable";
}
