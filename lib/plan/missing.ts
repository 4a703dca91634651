import { addDays, type Day } from "../model/day.ts";
import type { ExpectedUnit } from "./expected.ts";

/**
 * What a plan does beside what was never tried or is half done. Each also does what those before it do: `failed` takes up
 * what failed or was quarantined, `stale` rebuilds what would be built differently today, `completed` rebuilds everything.
 */
export const reprocessPolicies = ["none", "failed", "stale", "completed"] as const;
export type ReprocessPolicy = (typeof reprocessPolicies)[number];

/** What is known of a unit, from the store and the ledger. Of a unit that nobody has touched, nothing is. */
export interface KnownUnit {
  /** The last source day committed, and whether that day's file was read to its end. */
  readonly covered?: { readonly day: Day; readonly dayDone: boolean } | undefined;
  /** Why its published build is not what would be built now: another bar version, a revised day. */
  readonly stale?: string | undefined;
  /** The code of the last attempt's failure, where the last one failed. */
  readonly failed?: string | undefined;
  /** Advice of the quarantine it is in. */
  readonly quarantined?: string | undefined;
  /** It is admitted or runs already. */
  readonly busy?: "queued" | "running" | undefined;
  /** A person took its last rebuild back: no computed reason makes another one. */
  readonly held?: boolean | undefined;
}

/** A unit to be worked on, from the first day that it lacks. */
export interface PlannedUnit extends ExpectedUnit {
  /** `build` starts it, `continue` goes on where its coverage ends, `rebuild` makes it anew beside the published one. */
  readonly action: "build" | "continue" | "rebuild";
  readonly from: Day;
  readonly reason: string;
}

export interface LeftUnit {
  readonly unit: string;
  readonly reason: string;
}

export interface Missing {
  readonly planned: readonly PlannedUnit[];
  /** Units that need nothing, or that the policy leaves alone. */
  readonly left: readonly LeftUnit[];
}

/** Expected − covered. What a policy plans, each later policy plans too. */
export function missingUnits(
  expected: readonly ExpectedUnit[],
  known: ReadonlyMap<string, KnownUnit>,
  policy: ReprocessPolicy,
): Missing {
  const planned: PlannedUnit[] = [];
  const left: LeftUnit[] = [];
  for (const unit of expected) {
    const verdict = judge(unit, known.get(unit.id) ?? {}, policy);
    if ("action" in verdict) planned.push({ ...unit, ...verdict });
    else left.push({ unit: unit.id, reason: verdict.left });
  }
  return { planned, left };
}

type Verdict = Pick<PlannedUnit, "action" | "from" | "reason"> | { readonly left: string };

function judge(unit: ExpectedUnit, known: KnownUnit, policy: ReprocessPolicy): Verdict {
  const takes = (least: ReprocessPolicy): boolean =>
    reprocessPolicies.indexOf(policy) >= reprocessPolicies.indexOf(least);
  if (known.busy !== undefined) return { left: `is ${known.busy} already` };
  const { covered } = known;
  const next = covered === undefined ? unit.firstDay : covered.dayDone ? addDays(covered.day, 1) : covered.day;
  const isComplete = next > unit.lastDay;
  if (known.quarantined !== undefined && !takes("failed")) return { left: `quarantined: ${known.quarantined}` };
  if (covered !== undefined && known.stale !== undefined && known.held !== true) {
    // A half-made build with another fingerprint cannot be gone on with.
    return takes("stale") ? rebuild(unit, `stale: ${known.stale}`) : { left: `stale: ${known.stale}` };
  }
  if (isComplete && takes("completed")) return rebuild(unit, "complete, asked for again");
  if (isComplete) return { left: completeText(known) };
  if (known.failed !== undefined && !takes("failed")) return { left: `failed: ${known.failed}` };
  const after = known.failed === undefined ? "" : `, last attempt failed: ${known.failed}`;
  if (covered === undefined) return { action: "build", from: unit.firstDay, reason: `nothing is built${after}` };
  return { action: "continue", from: next, reason: `built up to ${covered.day}${after}` };
}

function rebuild(unit: ExpectedUnit, reason: string): Verdict {
  return { action: "rebuild", from: unit.firstDay, reason };
}

function completeText({ stale, held }: KnownUnit): string {
  return stale === undefined || held !== true ? "complete" : `complete; held, so not rebuilt although stale: ${stale}`;
}
