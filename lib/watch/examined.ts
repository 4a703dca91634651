import type { Finding, FindingKind } from "./finding.ts";
import type { GapQuestion } from "./watch-gaps.ts";
import type { WatchReport } from "./find-gaps.ts";
import type { Examined } from "./look.ts";

const gapKinds: readonly FindingKind[] = [
  "gap-leading",
  "gap-interior",
  "gap-trailing",
  "gap-overlap",
  "gap-stale",
  "gap-revised",
  "gap-unknown",
];
const freshnessKinds: readonly FindingKind[] = ["series-not-fresh", "series-dead"];

/** What a look at gaps has looked at to the end: of all series, or of those that were selected. Nothing where it could not look. */
export function examinedBy(report: WatchReport, { selection, limits }: GapQuestion): Examined[] {
  if (report.findings.some(isOfSource)) return [];
  const isAll = selection.symbols.length === 0 && selection.thresholds.length === 0 && !selection.tier1Only;
  const of = (names: readonly string[]): Examined["subjects"] => (isAll ? "all" : new Set(names));
  const subjects = of(report.series.map(({ wish }) => wish.series));
  const markets = of(report.archives.map(({ market }) => `archive:${market}`));
  const overflow: Examined = { kinds: ["sum-overflow"], subjects: "all" };
  return [
    // What lies further back than it was asked to look is as it was.
    ...(limits.recentDays === undefined ? [{ kinds: gapKinds, subjects }] : []),
    { kinds: freshnessKinds, subjects },
    { kinds: ["archive-unreachable"], subjects: markets },
    { kinds: ["store-unreachable", "ledger-unreadable"], subjects: "all" },
    ...(isAll ? [overflow] : []),
  ];
}

function isOfSource({ kind }: Finding): boolean {
  return kind === "store-unreachable" || kind === "ledger-unreadable";
}
