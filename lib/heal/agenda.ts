import type { HealTry } from "../ledger/index.ts";
import { parseSeriesId } from "../model/series.ts";
import { canBeBuilt, type Gap } from "../watch/gap.ts";
import { utcMinute } from "../watch/incident-messages.ts";
import { nextHealStep, type HealPolicy } from "./policy.ts";
import { gapKey, repairsOf, type Repair, type UnitFacts } from "./repairs.ts";

/** Why a gap is left alone for now. */
export type LeftReason =
  /** Nobody could look, or prove it either way. */
  | "unknown"
  /** A try failed a while ago, and the next one is not due. */
  | "waits"
  /** It was tried as often as it may be. */
  | "exhausted"
  /** Another process is at it. */
  | "running"
  /** The archive has nothing that would close it. */
  | "upstream"
  /** A person has undone its unit's rebuild. */
  | "held"
  /** This pass has begun as much as it may. */
  | "budget"
  /** It was tried in this pass, and is still there. */
  | "tried"
  /** A host's queue has it. */
  | "queued";

/** A gap that is not closed, and why nothing is done about it now. */
export interface LeftGap {
  readonly gap: Gap;
  readonly reason: LeftReason;
  /** One sentence, and what can be done. */
  readonly text: string;
  /** What a person types about it, where the reason does not say so. */
  readonly fix?: string;
}

/** What is to be done now, in order, and what is left alone. */
export interface Agenda {
  readonly repairs: readonly Repair[];
  readonly left: readonly LeftGap[];
}

/**
 * What may be done about some gaps now.
 * @param tries by gap, as the ledger has them
 */
export function agendaOf(
  gaps: readonly Gap[],
  facts: ReadonlyMap<string, UnitFacts>,
  tries: ReadonlyMap<string, readonly HealTry[]>,
  nowMs: number,
  policy: HealPolicy,
): Agenda {
  const left: LeftGap[] = [];
  const ready: Gap[] = [];
  for (const gap of gaps) {
    const alone = byCause(gap) ?? byTries(gap, tries.get(gapKey(gap)) ?? [], nowMs, policy);
    if (alone === undefined) ready.push(gap);
    else left.push(alone);
  }
  return { repairs: repairsOf(ready, facts), left };
}

/** What building cannot close. */
function byCause(gap: Gap): LeftGap | undefined {
  if (gap.cause === "not-known") return { gap, reason: "unknown", text: gap.reason };
  if (canBeBuilt(gap.cause)) return undefined;
  const { symbol } = parseSeriesId(gap.series);
  const forGood = `if that is so for good, declare the days under known_gaps of [symbols.${symbol}]`;
  // What an archive lacks of a day that it has, no acceptance of days is about.
  const forNow = gap.absence === undefined ? "" : "; for a time there is barkeep accept-missing";
  const text = `the archive lacks it; ${forGood}${forNow}`;
  return { gap, reason: "upstream", text };
}

function byTries(gap: Gap, tries: readonly HealTry[], nowMs: number, policy: HealPolicy): LeftGap | undefined {
  const next = nextHealStep(tries, nowMs, policy);
  switch (next.step) {
    case "go":
      return undefined;
    case "running":
      return { gap, reason: "running", text: `process ${next.pid} on ${next.host} is at it` };
    case "wait":
      return {
        gap,
        reason: "waits",
        text: `the last try ended with ${next.code}; the next one is due ${utcMinute(next.untilMs)}`,
      };
    case "exhausted":
      return {
        gap,
        reason: "exhausted",
        text: `tried ${next.tries} times within ${policy.withinMs / 3_600_000} h, last ${next.code}; left alone until ${utcMinute(next.untilMs)}, or until barkeep heal replay`,
      };
    default:
      return next satisfies never;
  }
}
