import type { Incident, IncidentBody, Ledger } from "../ledger/index.ts";
import { seenInBars } from "./findings.ts";

/**
 * The units in which an earlier look at the bars found what coverage does not show, and nobody has seen the end of it since. Whoever
 * looks at coverage looks at the bars of these too: it costs little, and what was healed is seen to be.
 */
export function unitsSeenInBars({ incidents }: Pick<Ledger, "incidents">): ReadonlySet<string> {
  return new Set(incidents.live().filter(isSeenInBars).flatMap(unitsOf));
}

/** Whether a look at the bars of some units is a look at all that an incident is about. */
export function areAllAmong(
  units: ReadonlySet<string>,
  incident: Pick<IncidentBody, "kind" | "subject" | "evidence">,
): boolean {
  const own = unitsOf(incident);
  return own.length > 0 && own.every((unit) => units.has(unit));
}

/** What the bars of a unit are read for again; how long a bar lasts or how far a price jumps is asked for with figures of its own. */
function isSeenInBars({ kind, evidence }: Incident): boolean {
  return evidence["seen_in"] === seenInBars.seen_in && (kind === "sum-overflow" || kind.startsWith("gap-"));
}

/** Of a gap its evidence says which they are; an overflow's subject is one. */
function unitsOf({ kind, subject, evidence }: Pick<IncidentBody, "kind" | "subject" | "evidence">): string[] {
  return kind === "sum-overflow" ? [subject] : (evidence["units"]?.split(" ") ?? []);
}
