import type { Segmentation } from "../model/segments.ts";
import { parseSeriesId, type SeriesId } from "../model/series.ts";
import type { Finding } from "./finding.ts";
import type { Selection, Wishes } from "./wish.ts";

/** What was asked for and is not looked at. It is never clean; and never an incident, since only who asks has to know. */
export type Unmatched = Omit<Finding, "kind"> & { readonly kind: "not-looked-at" };

/** A series that a selection would take if it reset otherwise. */
export interface OtherReset {
  readonly series: SeriesId;
  readonly segmentation: Segmentation;
}

/** So many series are named of those that a selection leaves out. */
const namedMost = 5;

/**
 * What of a selection nothing was looked at for: each symbol that was named, or all of it.
 * @param chosen what it comes to
 * @param others what it leaves out for their reset alone
 */
export function unmatchedBy(selection: Selection, chosen: Wishes, others: readonly OtherReset[]): Unmatched[] {
  const { symbols, thresholds, tier1Only, segmentation } = selection;
  if (symbols.length === 0) {
    const isSelection = thresholds.length > 0 || tier1Only || segmentation !== undefined;
    return isSelection && chosen.wanted.length === 0 ? [unmatched("selection", selection, chosen, others)] : [];
  }
  return [...new Set(symbols)].flatMap((symbol) => {
    if (chosen.wanted.some(({ key }) => key.symbol === symbol)) return [];
    const isOf = ({ series }: { readonly series: SeriesId }): boolean => parseSeriesId(series).symbol === symbol;
    const unmaintained = chosen.unmaintained.filter(isOf);
    return [unmatched(symbol, selection, { wanted: [], unmaintained }, others.filter(isOf))];
  });
}

/** What is said where queues are asked for and the fleet file names no host that could have one. */
export function noQueues(fleetFile: string | undefined): Unmatched {
  const summary = `no queue was looked at: ${fleetFile ?? "the fleet file"} names no host; add [hosts.NAME] there (docs/fleet.md), name another file with --fleet, or leave out --check-backfill-queue`;
  return { kind: "not-looked-at", subject: "queues", verdict: "unknown", summary, evidence: {} };
}

function unmatched(
  subject: string,
  { tier1Only, segmentation }: Selection,
  { unmaintained }: Wishes,
  others: readonly OtherReset[],
): Unmatched {
  const why = [
    ...unmaintained.map(({ series, reason }) => `${series} is not maintained: ${reason}`),
    ...others.map((one) => `${one.series} resets by ${one.segmentation}, not by ${segmentation}`),
  ];
  const none = tier1Only ? "nothing of it is of tier 1 and enabled in the registry" : "there is no series";
  const more = why.length > namedMost ? [`and ${why.length - namedMost} more`] : [];
  const reasons = why.length === 0 ? [none] : [...why.slice(0, namedMost), ...more];
  const summary = `nothing was looked at: ${reasons.join("; ")}`;
  return { kind: "not-looked-at", subject, verdict: "unknown", summary, evidence: {} };
}
