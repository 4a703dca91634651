import { repairSentences } from "../heal/explain-repairs.ts";
import type { Incident, Ledger } from "../ledger/index.ts";
import { isOfSelection } from "./findings.ts";
import { lasting, nameOf, utcMinute, whereToLook } from "./incident-messages.ts";
import { endReason, reminderAfterMs } from "./incident-rules.ts";
import { asFindingKind, findingKinds } from "./kinds.ts";

/**
 * An incident in sentences: what it is, since when, what is known, who works on it, what happens next, what to do. A line each.
 * @param ledger that it is kept in, and the tries to repair it
 */
export function explainIncident(incident: Incident, ledger: Pick<Ledger, "clock" | "healTries">): string[] {
  const nowMs = ledger.clock.wallMs();
  const known = asFindingKind(incident.kind);
  const { severity, subject } = incident;
  const facts = Object.entries(incident.evidence).filter(([name]) => name !== endReason);
  const evidence = facts.map(([name, value]) => `  ${name}: ${value}`);
  return [
    `#${incident.id} ${nameOf(incident)}: ${incident.summary}`,
    ...(known === undefined ? [] : [findingKinds[known].meaning]),
    ...(incident.verdict === "unknown" ? ["This is not known to be wrong: it could not be looked at."] : []),
    `It is ${severity}; first seen ${utcMinute(incident.firstSeenMs)}, last seen ${utcMinute(incident.lastSeenMs)}.`,
    ...evidence,
    ...(incident.state === "resolved" ? [] : repairSentences(incident, ledger.healTries, nowMs)),
    nextSentence(incident, nowMs),
    ...(known === undefined || isBuiltByPopulate(incident)
      ? []
      : [`What to do about ${subject}: ${findingKinds[known].whatToDo}`]),
    whereToLook(incident),
  ];
}

/** Whether what heals it has been said already: the advice of its kind is of what a heal looks at. */
function isBuiltByPopulate(incident: Incident): boolean {
  return incident.kind === "gap-leading" && isOfSelection(incident);
}

function nextSentence(incident: Incident, nowMs: number): string {
  const why = incident.evidence[endReason];
  const { state, quietUntilMs = nowMs, saidMs = nowMs, hiddenBy } = incident;
  switch (state) {
    case "resolved":
      return `It is over since ${utcMinute(incident.resolvedMs ?? nowMs)}${why === undefined ? "" : `: ${why}`}.`;
    case "pending":
      return "It is said when the next look finds it too.";
    case "acked":
      return `Somebody knows of it: it is not said again before ${utcMinute(quietUntilMs)}.`;
    case "snoozed":
      return `It is not said again before ${utcMinute(quietUntilMs)}.`;
    case "open":
      return hiddenBy === undefined
        ? `It is said again in ${lasting(saidMs + reminderAfterMs(incident) - nowMs)} unless it is over by then.`
        : `It is not said while this explains it: ${hiddenBy}.`;
    default:
      return state satisfies never;
  }
}
