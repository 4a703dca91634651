import type { HealTries, HealTry, IncidentBody } from "../ledger/index.ts";
import { asGapCause, canBeBuilt } from "../watch/gap.ts";
import { isOfSelection } from "../watch/findings.ts";
import { utcMinute } from "../watch/incident-messages.ts";
import { populateOf } from "./obstacles.ts";
import { healPolicy, nextHealStep } from "./policy.ts";

/** Units of an incident that are told of one by one. */
const toldMost = 3;

/**
 * Who works on the gaps that an incident is about, and what healing does next, by what was tried; nothing for an incident of another
 * kind. Whether they are still there is not looked at.
 */
export function repairSentences(
  { kind, subject, evidence }: Pick<IncidentBody, "kind" | "subject" | "evidence">,
  tries: Pick<HealTries, "byGap">,
  nowMs: number,
): string[] {
  if (!kind.startsWith("gap-")) return [];
  const cause = asGapCause(evidence["cause"]);
  if (cause !== undefined && !canBeBuilt(cause)) return ["Building cannot close it."];
  if (isOfSelection({ evidence })) {
    return [`No heal looks at it: nothing of the series was ever built. ${populateOf(subject)} builds it.`];
  }
  const units = evidence["units"]?.split(" ") ?? [];
  const ofKind = [...tries.byGap()].filter(([gap]) => gap.startsWith(`${kind.slice("gap-".length)} `));
  const told = units.slice(0, toldMost).map((unit) => {
    const own = ofKind.filter(([, [first]]) => first?.unit === unit).map(([, all]) => all);
    return unitSentence(unit, own, nowMs);
  });
  const more = units.length > toldMost ? [`And ${units.length - toldMost} units more.`] : [];
  // Only the store knows which units are held, and it is not looked at.
  return told.length === 0
    ? []
    : [...told, ...more, "A unit that an undo holds is left alone: barkeep explain UNIT says so."];
}

/** @param tries of the unit's gaps of one kind, each oldest first */
function unitSentence(unit: string, tries: readonly (readonly HealTry[])[], nowMs: number): string {
  const last = tries.toSorted((a, b) => (a.at(-1)?.startedMs ?? 0) - (b.at(-1)?.startedMs ?? 0)).at(-1);
  if (last === undefined) return `Nobody has tried to repair ${unit} yet; the next barkeep heal does.`;
  const next = nextHealStep(last, nowMs, healPolicy);
  switch (next.step) {
    case "running":
      return `Process ${next.pid} on ${next.host} repairs ${unit} since ${utcMinute(last.at(-1)?.startedMs ?? nowMs)}.`;
    case "wait":
      return `A repair of ${unit} ended with ${next.code}; barkeep heal tries again from ${utcMinute(next.untilMs)} on.`;
    case "exhausted":
      return `${unit} was tried ${next.tries} times, last ${next.code}; left alone until ${utcMinute(next.untilMs)}, or until barkeep heal replay ${unit}.`;
    case "go":
      return `The next barkeep heal tries to repair ${unit}.`;
    default:
      return next satisfies never;
  }
}
