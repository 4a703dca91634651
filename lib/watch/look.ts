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

/**
 * Incidents when a look began. What others have seen or ended since is newer than what it found. Not told by times: between two
 * looks the wall clock may have been set.
 */
export interface LookStart {
  /** By the fingerprints of those that were not over: their number, when they were last seen, and how often not since. */
  readonly live: ReadonlyMap<string, Pick<IncidentBody, "lastSeenMs" | "goodLooks"> & { readonly id: number }>;
  /** The number of the newest one, over or not; 0 where there was none. */
  readonly newestId: number;
}

/** One look at a part of the world, or at all of it. */
export interface Look {
  /** Who looked: a command's name. */
  readonly source: string;
  /** How incidents stood when it began; where it is absent, as they stand when it is recorded. */
  readonly start?: LookStart;
  readonly findings: readonly Finding[];
  /** What is in neither `examined` nor `findings` was not looked at, and stays as it is. */
  readonly examined: readonly Examined[];
  /** By fingerprint: why what it did not find is over, where that is known. */
  readonly ends?: ReadonlyMap<string, string>;
}
