import type { Incident, IncidentBody } from "../ledger/index.ts";
import { fingerprintOf, type Finding } from "./finding.ts";
import { asFindingKind, findingKinds, type KindDefinition } from "./kinds.ts";
import type { Look } from "./look.ts";

/** What a look does to an incident. `before` is absent for a new one. */
export interface IncidentChange {
  readonly before: Incident | undefined;
  readonly after: IncidentBody;
  readonly say: "opened" | "reminder" | "resolved" | undefined;
}

const hourMs = 3_600_000;
const firstReminderMs: Readonly<Record<IncidentBody["severity"], number>> = {
  critical: hourMs,
  warning: 6 * hourMs,
  info: 24 * hourMs,
};
const longestReminderMs = 24 * hourMs;

/** How long after it was last said it is said again: twice as long each time, a day at most. */
export function reminderAfterMs({ severity, timesSaid }: Pick<IncidentBody, "severity" | "timesSaid">): number {
  return Math.min(longestReminderMs, firstReminderMs[severity] * 2 ** Math.min(Math.max(0, timesSaid - 1), 10));
}

/**
 * What becomes of the live incidents, and which are new, after a look. Pure.
 *
 * An incident ends only where its part of the world was looked at to the end and it was not there; never by a look that failed,
 * nor where that look could not see what it would show by, nor while another incident explains why one cannot look, nor where it was seen since the look began.
 * @param ended fingerprints of those that ended since the look began: what it found of them is not so any more
 */
export function afterLook(
  live: readonly Incident[],
  look: Look,
  nowMs: number,
  ended: ReadonlySet<string> = new Set(),
): IncidentChange[] {
  const current = look.findings.filter((finding) => !ended.has(fingerprintOf(finding)));
  const found = new Map(current.map((finding) => [fingerprintOf(finding), finding]));
  const known = new Map(live.map((incident) => [incident.fingerprint, incident]));
  const doubtful = doubtedBy(look.findings);
  const next = (fingerprint: string, causes: readonly IncidentBody[]): IncidentChange => {
    const before = known.get(fingerprint);
    const finding = found.get(fingerprint);
    const isWhole = before !== undefined && isExamined(look, before);
    const isFirst = before !== undefined && !isChangedSince(before, look);
    const mayEnd = isWhole && isFirst && !doubtful.has(`${before.kind} ${before.subject}`);
    const end = { mayEnd: mayEnd && explainedBy(before, causes) === undefined, why: look.ends?.get(fingerprint) };
    const after = step(before, finding, { isWhole, isFirst, ...end }, nowMs);
    return speak(before, { ...after, hiddenBy: explainedBy(after, causes) }, finding !== undefined, nowMs);
  };
  const all = new Set([...known.keys(), ...found.keys()]);
  const isCause = (fingerprint: string): boolean => {
    const kind = asFindingKind((known.get(fingerprint) ?? found.get(fingerprint))?.kind ?? "");
    return kind !== undefined && findingKinds[kind].hides !== undefined;
  };
  const causes = [...all].filter(isCause).map((fingerprint) => next(fingerprint, []));
  const active = causes.map(({ after }) => after).filter(({ state }) => state !== "resolved");
  const others = [...all].filter((one) => !isCause(one)).map((fingerprint) => next(fingerprint, active));
  return withoutWorse([...causes, ...others]);
}

/** Kinds and subjects of which nothing is known since something else could not be looked at; what else is of the subject is. */
function doubtedBy(findings: readonly Finding[]): ReadonlySet<string> {
  const ofWhole = findings.filter(({ verdict, place }) => verdict === "unknown" && place === undefined);
  const pairs = ofWhole.flatMap(({ kind, subject }) =>
    (findingKinds[kind].doubts ?? []).map((one) => `${one} ${subject}`),
  );
  return new Set(pairs);
}

/** The end of what has become something worse is no news that anybody should be glad of. */
function withoutWorse(changes: readonly IncidentChange[]): IncidentChange[] {
  const lasting = changes.map(({ after }) => after).filter(({ state }) => state !== "resolved");
  return changes.map((change) => {
    const isWorse = change.say === "resolved" && lasting.some((one) => isGradeOf(change.after, one));
    return isWorse ? { ...change, say: undefined } : change;
  });
}

/** Whether one is what the other becomes when it gets worse. */
export function isGradeOf(
  milder: Pick<IncidentBody, "kind" | "subject" | "place">,
  worse: Pick<IncidentBody, "kind" | "subject" | "place">,
): boolean {
  const { worsensTo } = definitionOf(milder) ?? {};
  return (
    worsensTo !== undefined &&
    worsensTo === worse.kind &&
    milder.subject === worse.subject &&
    milder.place === worse.place
  );
}

/** Whether another look has opened a live incident since a look began, or has seen it, or its end: what two see at once is seen once. */
function isChangedSince({ id, fingerprint, lastSeenMs, goodLooks }: Incident, { start }: Look): boolean {
  if (start === undefined) return false;
  const before = start.live.get(fingerprint);
  return before?.id !== id || before.lastSeenMs !== lastSeenMs || before.goodLooks !== goodLooks;
}

/** Whether the newest incident of a fingerprint, which is over, ended since a look began. */
export function isEndedSince({ id, fingerprint }: Pick<Incident, "id" | "fingerprint">, { start }: Look): boolean {
  return start !== undefined && (id > start.newestId || start.live.get(fingerprint)?.id === id);
}

/** Evidence of an incident that is over: why, where that is known. */
export const endReason = "over_because";

/** What a look says of an incident that there was before. */
interface Sight {
  /** It has looked at all that the incident is about. */
  readonly isWhole: boolean;
  /** No other look has, since it began. */
  readonly isFirst: boolean;
  /** It would have found it. */
  readonly mayEnd: boolean;
  /** Why it is over, where that is known. */
  readonly why: string | undefined;
}

/** An incident behind a look. */
function step(before: Incident | undefined, finding: Finding | undefined, sight: Sight, nowMs: number): IncidentBody {
  if (before !== undefined) {
    const woken = wake(before, nowMs);
    if (finding !== undefined) return seen(woken, finding, sight, nowMs);
    return sight.mayEnd ? notSeen(woken, sight.why, nowMs) : woken;
  }
  if (finding === undefined) throw new TypeError("neither an incident nor a finding");
  return bodyOf(finding, nowMs);
}

/** An ack or a snooze that has come to its end. */
function wake(incident: Incident, nowMs: number): IncidentBody {
  const { quietUntilMs, quietForMs = Infinity } = incident;
  if (quietUntilMs === undefined) return incident;
  const leftMs = quietUntilMs - nowMs;
  // An end that is further ahead than was asked for is of a clock that has been set back; by a little, clocks always are.
  if (leftMs > 0 && leftMs <= quietForMs + hourMs) return incident;
  return { ...incident, state: "open", quietUntilMs: undefined, quietForMs: undefined };
}

function bodyOf(finding: Finding, nowMs: number): IncidentBody {
  const { severity, opensAfter } = findingKinds[finding.kind];
  return {
    fingerprint: fingerprintOf(finding),
    kind: finding.kind,
    subject: finding.subject,
    place: finding.place,
    severity,
    verdict: finding.verdict,
    summary: finding.summary,
    evidence: finding.evidence,
    state: opensAfter <= 1 ? "open" : "pending",
    firstSeenMs: nowMs,
    lastSeenMs: nowMs,
    badLooks: 1,
    goodLooks: 0,
    saidMs: undefined,
    timesSaid: 0,
    quietUntilMs: undefined,
    quietForMs: undefined,
    hiddenBy: undefined,
    resolvedMs: undefined,
  };
}

/** Evidence that a look at less than all of it would narrow: units, symbols, the age that was asked for. */
const extents = ["units", "symbols", "max_stale_hours"];

function seen(incident: IncidentBody, finding: Finding, { isWhole, isFirst }: Sight, nowMs: number): IncidentBody {
  // Who could not look knows less than who has seen it.
  if (finding.verdict === "unknown" && incident.verdict === "wrong") return { ...incident, goodLooks: 0 };
  const badLooks = incident.badLooks + (isFirst ? 1 : 0);
  const isOften = incident.state === "pending" && badLooks >= findingKinds[finding.kind].opensAfter;
  const { severity } = findingKinds[finding.kind];
  const isPart = !isWhole && extents.some((name) => incident.evidence[name] !== undefined);
  const { verdict } = finding;
  const { summary, evidence } = isPart ? incident : finding;
  const state = isOften ? "open" : incident.state;
  return { ...incident, severity, verdict, summary, evidence, state, lastSeenMs: nowMs, badLooks, goodLooks: 0 };
}

function notSeen(incident: IncidentBody, why: string | undefined, nowMs: number): IncidentBody {
  const goodLooks = incident.goodLooks + 1;
  // Of what was never said, nobody waits for the end.
  const wanted = incident.timesSaid === 0 ? 1 : (definitionOf(incident)?.closesAfter ?? 1);
  if (goodLooks < wanted) return { ...incident, badLooks: 0, goodLooks };
  const ended = { quietUntilMs: undefined, quietForMs: undefined, resolvedMs: nowMs };
  const evidence = why === undefined ? incident.evidence : { ...incident.evidence, [endReason]: why };
  return { ...incident, state: "resolved", badLooks: 0, goodLooks, evidence, ...ended };
}

/** Whether it is to be said now, and that it was. */
function speak(before: Incident | undefined, after: IncidentBody, isFound: boolean, nowMs: number): IncidentChange {
  if (after.state === "resolved") return { before, after, say: after.timesSaid > 0 ? "resolved" : undefined };
  if (after.state !== "open" || after.hiddenBy !== undefined) return { before, after, say: undefined };
  const said = { ...after, saidMs: nowMs, timesSaid: after.timesSaid + 1 };
  if (after.saidMs === undefined) {
    return isFound ? { before, after: said, say: "opened" } : { before, after, say: undefined };
  }
  const isWoken = before?.quietUntilMs !== undefined && after.quietUntilMs === undefined;
  const isDue = nowMs - after.saidMs >= reminderAfterMs(after) || nowMs < after.saidMs;
  return isWoken || isDue ? { before, after: said, say: "reminder" } : { before, after, say: undefined };
}

/** Whether a look has looked at an incident's part of the world, and would have found it. */
export function isExamined({ examined }: Pick<Look, "examined">, incident: IncidentBody): boolean {
  const { kind, subject, evidence } = incident;
  return examined.some(
    ({ kinds, subjects, looksAtBars, wouldSee }) =>
      kinds.some((one) => one === kind) &&
      (subjects === "all" || subjects.has(subject)) &&
      (looksAtBars === true || evidence["seen_in"] !== "bars") &&
      (wouldSee === undefined || wouldSee(incident)),
  );
}

function definitionOf({ kind }: Pick<IncidentBody, "kind">): KindDefinition | undefined {
  const known = asFindingKind(kind);
  return known === undefined ? undefined : findingKinds[known];
}

/** The fingerprint of the first incident that explains this one. */
function explainedBy(incident: IncidentBody, active: readonly IncidentBody[]): string | undefined {
  return active.find((one) => explains(one, incident))?.fingerprint;
}

function explains(cause: IncidentBody, incident: IncidentBody): boolean {
  const hides = definitionOf(cause)?.hides;
  if (hides === undefined || !hides.kinds.some((kind) => kind === incident.kind)) return false;
  switch (hides.reach) {
    case "host":
      return cause.subject === incident.subject || cause.subject === `host:${incident.evidence["host"]}`;
    case "market":
      return incident.verdict === "unknown" && incident.subject.includes(`/${cause.subject.slice("archive:".length)}/`);
    case "everywhere":
      return incident.verdict === "unknown";
    default:
      return hides.reach satisfies never;
  }
}
