import type { IncidentBody } from "../ledger/index.ts";
import type { Finding, FindingKind } from "./finding.ts";

/** What was looked at from its beginning to its end: what is not among the findings there is well. */
export interface Examined {
  readonly kinds: readonly FindingKind[];
  /** The findings' subjects, or all that there can be. */
  readonly subjects: "all" | ReadonlySet<string>;
  /** Whether it would also see what only bars show: an incident with `seen_in: "bars"` in its evidence ends by no other look. */
  readonly looksAtBars?: boolean;
  /** Of those of these kinds and subjects the ones that it would have seen; all where it is absent. */
  readonly wouldSee?: (incident: IncidentBody) => boolean;
}

/** One look at a part of the world, or at all of it. */
export interface Look {
  /** Who looked: a command's name. */
  readonly source: string;
  /** When it began, milliseconds since the epoch; as it is recorded where it is absent. What was seen since then is newer than it. */
  readonly lookedMs?: number;
  readonly findings: readonly Finding[];
  /** What is in neither `examined` nor `findings` was not looked at, and stays as it is. */
  readonly examined: readonly Examined[];
}
