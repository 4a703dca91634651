import type { HostFailure } from "../fleet/open-hosts.ts";
import type { Failure } from "../model/errors.ts";
import { unitId } from "../model/series.ts";
import type { UnitOutline } from "../store/index.ts";
import { absenceEvidence, togetherAbsent } from "./absence.ts";
import type { ArchiveAnswer } from "./archive-look.ts";
import { digestPlace, saidDays } from "./digest-days.ts";
import type { Finding } from "./finding.ts";
import type { Freshness } from "./freshness.ts";
import type { Gap } from "./gap.ts";
import type { SeriesWish } from "./wish.ts";

/** In an incident's evidence: what bars alone show, no look at coverage sees the end of. */
export const seenInBars = { seen_in: "bars" } as const;

/** In an incident's evidence: the store has nothing of its series, it was asked for by name. */
const ofSelection = { asked: "by name" } as const;

/** A finding of a series that was asked for by name, and that no other look looks at. */
export function askedByName(finding: Finding): Finding {
  return { ...finding, evidence: { ...finding.evidence, ...ofSelection } };
}

/** Whether only a look that asks for the series by name finds it. */
export function isOfSelection({ evidence }: Pick<Finding, "evidence">): boolean {
  return evidence["asked"] === ofSelection.asked;
}

/** Gaps of these kinds are one trouble of their series, in however many units: the live edge, say, moves on every day. */
const wholeKinds: ReadonlySet<Gap["kind"]> = new Set(["leading", "trailing", "stale", "unknown"]);

/** Gaps as findings. What a finding is known by does not change while days pass, so that it stays one incident. */
export function gapFindings(gaps: readonly Gap[]): Finding[] {
  const groups = Map.groupBy(gaps, (gap) => `${gap.kind} ${gap.series} ${placeOf(gap) ?? ""}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [findingOf(first, group)];
  });
}

function findingOf(first: Gap, group: readonly Gap[]): Finding {
  const { kind, cause, series, fromId, throughId, reason } = first;
  const ids = fromId === undefined || throughId === undefined ? {} : { ids: `${fromId} … ${throughId}` };
  const place = placeOf(first);
  const fromDay = group.reduce((day, gap) => (gap.fromDay < day ? gap.fromDay : day), first.fromDay);
  const throughDay = group.reduce((day, gap) => (gap.throughDay > day ? gap.throughDay : day), first.throughDay);
  const days = fromDay === throughDay ? fromDay : `${fromDay} … ${throughDay}`;
  const absence = togetherAbsent(group.flatMap((gap) => gap.absence ?? []));
  const units = [...new Set(group.map(({ unit }) => unit))].join(" ");
  const priority = group.map((gap) => gap.priority).toSorted()[0] ?? first.priority;
  return {
    kind: `gap-${kind}`,
    subject: series,
    ...(place === undefined ? {} : { place }),
    verdict: kind === "unknown" ? "unknown" : "wrong",
    summary: `${days}: ${reason}`,
    evidence: {
      units,
      cause,
      priority,
      from_day: fromDay,
      through_day: throughDay,
      ...ids,
      ...(absence === undefined ? {} : absenceEvidence(absence)),
      ...(first.isOfDigest === true ? { days: saidDays(group.map((gap) => gap.fromDay)) } : {}),
      ...(group.some(({ isSeenInBars }) => isSeenInBars === true) ? seenInBars : {}),
    },
  };
}

function placeOf({ kind, cause, unit, fromDay, throughDay, fromId, isOfDigest }: Gap): string | undefined {
  if (isOfDigest === true) return digestPlace;
  if (wholeKinds.has(kind)) return undefined;
  // By coverage it is known that bars are lost, by the bars which: it is one trouble.
  if (cause === "bars-lost") return `bars of ${unit}`;
  const days = fromDay === throughDay ? fromDay : `${fromDay}..${throughDay}`;
  return fromId === undefined ? days : `${days} from id ${fromId}`;
}

/** A series whose newest trade is too old; none for a fresh one, or one that is excused. */
export function freshnessFindings({ series }: SeriesWish, freshness: Freshness | undefined): Finding[] {
  if (freshness === undefined || freshness.state === "fresh" || freshness.isExcused) return [];
  const { hoursSinceLast, maxStaleHours, state } = freshness;
  const hours = Math.floor(hoursSinceLast);
  const kind = state === "dead" ? "series-dead" : "series-not-fresh";
  const summary = `its newest trade is ${hours} h old, at most ${maxStaleHours} h are allowed`;
  const evidence = { hours_since_last: hours.toString(), max_stale_hours: maxStaleHours.toString() };
  return [{ kind, subject: series, verdict: "wrong", summary, evidence }];
}

/** Sums of coverage below zero: a counter has overflowed. */
export function overflowFindings({ series, segment, negativeParts }: UnitOutline): Finding[] {
  if (negativeParts === 0) return [];
  const summary = `${negativeParts} parts of its coverage have a volume or turnover below zero`;
  const evidence = { parts: negativeParts.toString() };
  return [{ kind: "sum-overflow", subject: unitId(series, segment), verdict: "wrong", summary, evidence }];
}

/** Archives that could not be looked at: one finding per market, however many symbols. */
export function archiveFindings(answers: readonly ArchiveAnswer[], nowMs: number): Finding[] {
  const failed = answers.flatMap((answer) =>
    answer.failure === undefined ? [] : [{ ...answer, failure: answer.failure }],
  );
  return [...Map.groupBy(failed, ({ market }) => market)].flatMap(([market, ofMarket]) => {
    const [first] = ofMarket;
    if (first === undefined) return [];
    const symbols = ofMarket.map(({ symbol }) => symbol);
    const looked = first.facts.lookedMs;
    const age = looked === undefined ? "never" : `${Math.floor((nowMs - looked) / 60_000)} min ago`;
    return [
      {
        kind: "archive-unreachable",
        subject: `archive:${market}`,
        verdict: "unknown",
        summary: `what is published of ${symbols.join(", ")} could not be looked at: ${first.failure.message}`,
        evidence: { symbols: symbols.join(" "), code: first.failure.code, looked_at: age },
      } satisfies Finding,
    ];
  });
}

/** The store could not be looked at: nothing is known of any series. */
export function storeFinding({ code, message }: Failure): Finding {
  const summary = `the store could not be looked at: ${message}`;
  return { kind: "store-unreachable", subject: "store", verdict: "unknown", summary, evidence: { code } };
}

/** A host that gave no answer. */
export function hostFinding({ host, failure: { code, message } }: HostFailure): Finding {
  const evidence = { host, code };
  return { kind: "host-unreachable", subject: `host:${host}`, verdict: "unknown", summary: message, evidence };
}

/** The same for the ledger. */
export function ledgerFinding({ code, message }: Failure): Finding {
  const summary = `the ledger could not be read: ${message}`;
  return { kind: "ledger-unreadable", subject: "ledger", verdict: "unknown", summary, evidence: { code } };
}
