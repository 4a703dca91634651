import type { HealTry } from "../ledger/index.ts";
import type { LeaseState } from "../store/index.ts";
import type { SeriesLook } from "../watch/find-gaps.ts";
import type { Gap } from "../watch/gap.ts";
import type { Agenda, LeftReason } from "./agenda.ts";
import { healPolicy } from "./policy.ts";
import { gapKey } from "./repairs.ts";

/** A gap in sentences, and what to type about it. */
interface GapExplanation {
  readonly sentences: readonly string[];
  readonly fix: string | undefined;
}

/** What of a series is there. */
export function seriesSentences({ wish, units, freshness, explained }: SeriesLook): string[] {
  const [first] = units;
  const last = units.at(-1);
  if (first === undefined || last === undefined) return [`Nothing of ${wish.series} is built.`];
  const hours = freshness === undefined ? undefined : Math.floor(freshness.hoursSinceLast);
  const is = { fresh: "fresh enough", stale: "too old", dead: "so old that the series counts as dead" } as const;
  return [
    `${wish.series} is built from ${first.firstDay} to ${last.lastDay}, in ${units.length === 1 ? "one unit" : `${units.length} units`}.`,
    ...(freshness === undefined
      ? []
      : [`Its newest trade is ${hours} h old, ${is[freshness.state]}: ${freshness.maxStaleHours} h are allowed.`]),
    ...explained.map(({ fromDay, throughDay, reason }) => `${daysText(fromDay, throughDay)} are not there: ${reason}.`),
  ];
}

/**
 * What is wrong, who works on it, what happens next.
 * @param agenda of this gap alone
 */
export function gapExplanation(
  gap: Gap,
  { repairs, left }: Agenda,
  tries: ReadonlyMap<string, readonly HealTry[]>,
  writer: LeaseState | undefined,
): GapExplanation {
  const days = daysText(gap.fromDay, gap.throughDay);
  const what = `${gap.unit} has a gap (${gap.kind}, ${gap.priority}) at ${days}: ${gap.reason}.`;
  const who =
    writer === undefined
      ? []
      : [`Process ${writer.pid} on ${writer.host} writes it since ${writer.since} UTC (${writer.command}).`];
  const [repair] = repairs;
  const [alone] = left;
  if (repair !== undefined) {
    const how = repair.action === "populate" ? "builds the days" : "makes the unit anew and publishes it in one step";
    const made = (tries.get(gapKey(gap)) ?? []).length;
    const before =
      made === 0
        ? "it was not tried yet"
        : `it was tried ${made} times, ${healPolicy.triesMax} within 24 h are allowed`;
    const next = writer === undefined ? `Next, barkeep heal ${how}; ${before}.` : "";
    return {
      sentences: [what, ...who, ...(next === "" ? [] : [next])],
      fix: writer === undefined ? "barkeep heal" : undefined,
    };
  }
  if (alone === undefined) return { sentences: [what, ...who], fix: undefined };
  return { sentences: [what, ...who, `Nothing is done about it now: ${alone.text}.`], fix: fixOf(alone.reason, gap) };
}

function fixOf(reason: LeftReason, { unit }: Gap): string | undefined {
  if (reason === "exhausted") return `barkeep heal log, then barkeep heal replay ${unit}`;
  return reason === "unknown" ? "barkeep doctor" : undefined;
}

function daysText(fromDay: string, throughDay: string): string {
  return fromDay === throughDay ? fromDay : `${fromDay} … ${throughDay}`;
}
