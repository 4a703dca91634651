import type { WatchReport } from "./find-gaps.ts";
import type { Finding, FindingKind } from "./finding.ts";
import { gapKinds } from "./kinds.ts";
import { needsBars, windowStartMs } from "./limits.ts";
import type { Examined } from "./look.ts";
import { queuePlace } from "./queue-health.ts";
import { areAllAmong } from "./seen-in-bars.ts";
import type { GapQuestion } from "./watch-gaps.ts";

/** What a look at gaps has looked at to the end: of all series, or of those that were selected. Nothing where it could not look. */
export function examinedBy(report: WatchReport, { selection, limits, hosts }: GapQuestion): Examined[] {
  const queues = new Set(hosts.map(({ name }) => `host:${name}`));
  const ofQueues: Examined = {
    kinds: ["host-unsound"],
    subjects: queues,
    wouldSee: ({ place }) => place === queuePlace,
  };
  if (report.findings.some(isOfSource)) return [ofQueues];
  const { symbols, thresholds, tier1Only, segmentation } = selection;
  const isAll = symbols.length === 0 && thresholds.length === 0 && !tier1Only && segmentation === undefined;
  const of = (names: readonly string[]): Examined["subjects"] => (isAll ? "all" : new Set(names));
  const subjects = of(report.series.map(({ wish }) => wish.series));
  // Who was excused here may be a finding of a look with an objective.
  const judged = report.series.filter(({ freshness }) => freshness?.isExcused !== true);
  const freshSubjects =
    judged.length === report.series.length ? subjects : new Set(judged.map(({ wish }) => wish.series));
  const isAsked = report.archives.every(({ facts }) => facts.lookedMs === report.nowMs);
  const markets = isAsked ? of(report.archives.map(({ market }) => `archive:${market}`)) : new Set<string>();
  const looksAtBars = needsBars(limits);
  const { barsOfUnits } = limits;
  // What lies further back than it was asked to look is as it was.
  const isOfAllTime = windowStartMs(limits, report.nowMs) === Number.NEGATIVE_INFINITY;
  const ofAllTime: readonly Examined[] = [
    { kinds: gapKinds, subjects, looksAtBars },
    ...(barsOfUnits === undefined
      ? []
      : [
          {
            kinds: [...gapKinds, "sum-overflow"],
            subjects: "all",
            looksAtBars: true,
            wouldSee: (incident) => areAllAmong(barsOfUnits, incident),
          } satisfies Examined,
        ]),
    { kinds: barKinds(limits), subjects, looksAtBars },
    // What its ids do not decide is told whether or not long times are to be findings.
    ...(looksAtBars
      ? [{ kinds: ["duration-anomaly"], subjects, looksAtBars, wouldSee: isUnknown } satisfies Examined]
      : []),
    ...(isAll ? [{ kinds: ["sum-overflow"], subjects: "all", looksAtBars } satisfies Examined] : []),
  ];
  return [
    ...(isOfAllTime ? ofAllTime : []),
    { kinds: ["series-not-fresh", "series-dead"], subjects: freshSubjects, looksAtBars: true },
    { kinds: ["archive-unreachable"], subjects: markets, looksAtBars: true },
    { kinds: ["store-unreachable", "ledger-unreadable"], subjects: "all", looksAtBars: true },
    ofQueues,
  ];
}

function isUnknown({ verdict }: Pick<Finding, "verdict">): boolean {
  return verdict === "unknown";
}

/** What only bars show, and only where it is asked for. */
function barKinds(limits: GapQuestion["limits"]): FindingKind[] {
  const isLongLooked = limits.strictTime === true && limits.maxBarDurationHours !== undefined;
  return [
    ...(isLongLooked ? (["duration-anomaly"] as const) : []),
    ...(limits.strictPrice === true ? (["price-jump"] as const) : []),
  ];
}

function isOfSource({ kind }: Finding): boolean {
  return kind === "store-unreachable" || kind === "ledger-unreadable";
}
