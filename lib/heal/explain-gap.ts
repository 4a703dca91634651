import type { HealTry } from "../ledger/index.ts";
import { parseSegmentId } from "../model/segments.ts";
import { parseSeriesId } from "../model/series.ts";
import type { LeaseState } from "../store/index.ts";
import { lastAsked } from "../watch/absence.ts";
import type { Gap } from "../watch/gap.ts";
import type { Agenda, LeftReason } from "./agenda.ts";
import { populateOf } from "./obstacles.ts";
import { healPolicy } from "./policy.ts";
import { gapKey } from "./repairs.ts";

/** A gap in sentences, and what to type about it. */
interface GapExplanation {
  readonly sentences: readonly string[];
  readonly fix: string | undefined;
}

/** What is known about a gap beside itself. */
export interface GapEvidence {
  /** Of this gap alone. */
  readonly agenda: Agenda;
  /** By gap, as the ledger has them. */
  readonly tries: ReadonlyMap<string, readonly HealTry[]>;
  /** Who writes its unit now. */
  readonly writer: LeaseState | undefined;
  /** Why heal would not find it at all. */
  readonly unseen?: UnseenByHeal | undefined;
}

/**
 * `series`: the store has nothing of it, and nobody has asked for it to be kept. `bars`: only its bars show the gap, and heal looks at
 * bars where an exhaustive look has found something before.
 */
export type UnseenByHeal = "series" | "bars";

/** What is wrong, who works on it, what happens next. */
export function gapExplanation(gap: Gap, { agenda, tries, writer, unseen }: GapEvidence): GapExplanation {
  const days = daysText(gap.fromDay, gap.throughDay);
  const evidence = gap.absence === undefined ? "" : ` They were ${lastAsked(gap.absence)}.`;
  const what = `${gap.unit} has a gap (${gap.kind}, ${gap.priority}) at ${days}: ${gap.reason}.${evidence}`;
  const who =
    writer === undefined
      ? []
      : [`Process ${writer.pid} on ${writer.host} writes it since ${writer.since} UTC (${writer.command}).`];
  const [repair] = agenda.repairs;
  const [alone] = agenda.left;
  if (repair !== undefined) {
    if (writer !== undefined) return { sentences: [what, ...who], fix: undefined };
    const how = repair.action === "populate" ? "builds the days" : "makes the unit anew and publishes it in one step";
    const made = (tries.get(gapKey(gap)) ?? []).length;
    const before =
      made === 0
        ? "it was not tried yet"
        : `it was tried ${made} times, ${healPolicy.triesMax} within 24 h are allowed`;
    return { sentences: [what, nextSentence(how, before, unseen)], fix: commandFor(gap, unseen) };
  }
  if (alone === undefined) return { sentences: [what, ...who], fix: undefined };
  return {
    sentences: [what, ...who, `Nothing is done about it now: ${alone.text}.`],
    fix: alone.fix ?? fixOf(alone.reason, gap),
  };
}

function nextSentence(how: string, before: string, unseen: UnseenByHeal | undefined): string {
  switch (unseen) {
    case "series":
      return "No heal looks at it: nothing of the series was ever built.";
    case "bars":
      return `Next, barkeep heal ${how}, once barkeep detect-gaps --exhaustive has found it too; ${before}.`;
    case undefined:
      return `Next, barkeep heal ${how}; ${before}.`;
    default:
      return unseen satisfies never;
  }
}

function commandFor({ series, unit }: Gap, unseen: UnseenByHeal | undefined): string {
  switch (unseen) {
    case "series":
      return populateOf(series, parseSegmentId(unit.slice(unit.lastIndexOf(":") + 1)));
    case "bars":
      return `barkeep detect-gaps --exhaustive --symbol ${parseSeriesId(series).symbol}, then barkeep heal`;
    case undefined:
      return "barkeep heal";
    default:
      return unseen satisfies never;
  }
}

function fixOf(reason: LeftReason, { unit }: Gap): string | undefined {
  if (reason === "exhausted") return `barkeep heal log, then barkeep heal replay ${unit}`;
  return reason === "unknown" ? "barkeep doctor" : undefined;
}

export function daysText(fromDay: string, throughDay: string): string {
  return fromDay === throughDay ? fromDay : `${fromDay} … ${throughDay}`;
}
