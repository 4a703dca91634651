import { lastAsked } from "../watch/absence.ts";
import type { SeriesLook } from "../watch/find-gaps.ts";
import type { Freshness } from "../watch/freshness.ts";
import type { ExplainedHole } from "../watch/gap-rules.ts";
import { utcMinute } from "../watch/incident-messages.ts";
import { daysText } from "./explain-gap.ts";

/** What of a series is there. */
export function seriesSentences({ wish, units, freshness, explained }: SeriesLook): string[] {
  const [first] = units;
  const last = units.at(-1);
  if (first === undefined || last === undefined) return [`Nothing of ${wish.series} is built.`];
  return [
    `${wish.series} is built from ${first.firstDay} to ${last.lastDay}, in ${units.length === 1 ? "one unit" : `${units.length} units`}.`,
    ...(freshness === undefined ? [] : ageSentences(freshness)),
    ...explained.map(explainedSentence),
  ];
}

function explainedSentence({ fromDay, throughDay, reason, absence }: ExplainedHole): string {
  const evidence = absence === undefined ? "" : ` They were ${lastAsked(absence)}.`;
  return `${daysText(fromDay, throughDay)} are not there: ${reason}.${evidence}`;
}

function ageSentences({ hoursSinceLast, maxStaleHours, state, isExcused }: Freshness): string[] {
  const is = { fresh: "fresh enough", stale: "too old", dead: "so old that the series counts as dead" } as const;
  const age = `Its newest trade is ${Math.floor(hoursSinceLast)} h old, ${is[state]}: ${maxStaleHours} h are allowed.`;
  if (!isExcused) return [age];
  const why = "Its archive has nothing newer, and no max_stale_hours is stated for it";
  return [age, `${why}: detect-gaps lists it and calls it no finding, the heartbeat calls it one.`];
}

/** What is known of a series' archive. */
export interface ArchiveAsked {
  /** When it was asked last, milliseconds since the epoch; undefined where never. */
  readonly lookedMs: number | undefined;
  readonly isAskedNow: boolean;
}

/** How far nothing is missing. Without its archive a series is held to its own age, and what it may lack since is not known. */
export function edgeSentence(look: SeriesLook, asked: ArchiveAsked): string {
  if (isEdgeKnown(look, asked)) return "Nothing that is published is missing.";
  const { lookedMs } = asked;
  const since =
    "No archive was asked: what is published since is not known, and its own age is all that it is held to.";
  return lookedMs === undefined
    ? `Nothing is missing up to ${look.units.at(-1)?.lastDay}. ${since}`
    : `Nothing is missing of what was published at ${utcMinute(lookedMs)}. ${since}`;
}

/** What to do about a series of which nothing is missing that is known to be published: where it is too old, or its edge is not known. */
export function stateFix(look: SeriesLook, asked: ArchiveAsked): string | undefined {
  if (!isEdgeKnown(look, asked)) return "name the archive, with --archive or BARKEEP_ARCHIVE, and ask again";
  const { wish, freshness } = look;
  if (freshness === undefined || freshness.state === "fresh") return undefined;
  const table = `[symbols.${wish.key.symbol}] of symbols.toml`;
  return `where the exchange has delisted it, state its delisting_date under ${table}; where it may be so old, max_stale_hours; else look why its archive has nothing newer`;
}

/** Whether nothing can have been published behind the last covered day that nobody knows of. */
function isEdgeKnown({ wish, units }: SeriesLook, { isAskedNow }: ArchiveAsked): boolean {
  const last = units.at(-1)?.lastDay;
  return isAskedNow || (wish.lastDay !== undefined && last !== undefined && last >= wish.lastDay);
}
