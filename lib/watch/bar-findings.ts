import { unitId } from "../model/series.ts";
import type { BarLook, Overflow } from "./bar-look.ts";
import type { Finding } from "./finding.ts";
import { seenInBars } from "./findings.ts";
import type { WatchLimits } from "./limits.ts";
import type { DurationAnomaly, Span } from "./spans.ts";
import type { Unmatched } from "./unmatched.ts";

/**
 * What of the bars is a finding. A long time whose ids follow each other is a slow market and none, unless `strictTime` wants it so; a
 * hole has its gap already; where ids do not decide, nobody knows.
 */
export function barFindings({ spans, durations = [] }: BarLook, limits: WatchLimits): Finding[] {
  return [
    ...spans.flatMap((span) => spanFindings(span, limits)),
    ...durations.flatMap((anomaly) => durationFindings(anomaly, limits)),
  ];
}

/** Bars whose sums cannot be. */
export function barOverflowFinding({ unit, negative, rows }: Overflow): Finding {
  const percent = ((100 * negative) / rows).toFixed(2);
  return {
    kind: "sum-overflow",
    subject: unitId(unit.series, unit.segment),
    place: "bars",
    verdict: "wrong",
    summary: `${negative} of ${rows} bars (${percent} %) have a volume or turnover below zero`,
    evidence: { negative: negative.toString(), bars: rows.toString(), percent, ...seenInBars },
  };
}

/** What was asked for and is not in the lists, since they are cut: it follows from the figures that were asked for, and is nobody else's trouble. */
export function cutLists({ spans, durations = [], areCut }: BarLook, limits: WatchLimits): Unmatched[] {
  if (!areCut || !areAllTold(spans, durations, limits)) return [];
  const summary =
    "there are more long times, long bars or steps of price than are listed; greater limits, or one symbol, list them all";
  return [{ kind: "not-looked-at", subject: "lists", verdict: "unknown", summary, evidence: {} }];
}

/** Where a list was cut, more is to be told where all that is listed is told: what lacks ids comes first in it. */
function areAllTold(
  spans: readonly Span[],
  durations: readonly DurationAnomaly[],
  { strictTime, strictPrice }: WatchLimits,
): boolean {
  return (
    strictTime === true || strictPrice === true || [...spans, ...durations].every(({ proof }) => proof !== "contiguous")
  );
}

function spanFindings(span: Span, { strictTime, strictPrice }: WatchLimits): Finding[] {
  const findings: Finding[] = [];
  const place = `${timeOf(span.fromUs)}..${timeOf(span.toUs)}`;
  const ids = `${span.beforeLastId} … ${span.firstId}`;
  if (span.isLong && (span.proof === "not-provable" || (strictTime === true && span.proof === "contiguous"))) {
    const hours = hoursOf(span.toUs - span.fromUs);
    findings.push({
      kind: "duration-anomaly",
      subject: span.series,
      place,
      verdict: span.proof === "contiguous" ? "wrong" : "unknown",
      summary: `${hours} h between two bars; ${proofText(span.proof)}`,
      evidence: { hours, ids, proof: span.proof, ...seenInBars },
    });
  }
  if (span.isJump && strictPrice === true) {
    const jump = span.jumpDbps.toFixed(0);
    findings.push({
      kind: "price-jump",
      subject: span.series,
      place,
      verdict: "wrong",
      summary: `a step of ${jump} dbps between two bars (${span.continuity})`,
      evidence: { jump_dbps: jump, continuity: span.continuity, ids, ...seenInBars },
    });
  }
  return findings;
}

function durationFindings({ bar, hours, proof }: DurationAnomaly, { strictTime }: WatchLimits): Finding[] {
  if (proof === "contiguous" && strictTime !== true) return [];
  const text = hours.toFixed(2);
  return [
    {
      kind: "duration-anomaly",
      subject: bar.series,
      place: `${ofOneBar}${bar.firstId}`,
      verdict: proof === "not-provable" ? "unknown" : "wrong",
      summary: `a bar of ${text} h; ${proofText(proof)}`,
      evidence: {
        hours: text,
        ids: `${bar.firstId} … ${bar.lastId}`,
        trades: bar.records.toString(),
        proof,
        ...seenInBars,
      },
    },
  ];
}

/** Whether a `duration-anomaly` is of one bar, and not of the time between two. */
export function isOfOneBar(place: string | undefined): boolean {
  return place?.startsWith(ofOneBar) === true;
}

const ofOneBar = "bar ";

function proofText(proof: Span["proof"]): string {
  switch (proof) {
    case "contiguous":
      return "no id is missing: the market was slow";
    case "hole":
      return "ids are missing";
    case "declared":
      return "the ids that are missing are declared";
    case "accepted":
      return "the ids that are missing are accepted to be";
    case "not-provable":
      return "rows that are no trades lie there, and which ids they had is not on record";
    default:
      return proof satisfies never;
  }
}

function hoursOf(us: bigint): string {
  return (Number(us) / 3_600_000_000).toFixed(2);
}

function timeOf(us: bigint): string {
  return `${new Date(Number(us / 1000n)).toISOString().slice(0, 19)}Z`;
}
