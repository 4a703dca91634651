import type { Divergence } from "../ledger/index.ts";
import type { Day } from "../model/day.ts";
import { parseSeriesId, unitId } from "../model/series.ts";
import { lastCheckpoints, readCheckpoint, storedRows, type LastCheckpoint, type Store } from "../store/index.ts";
import type { Finding } from "./finding.ts";

/** What a unit's last commit claims, beside what the store holds. */
export interface CheckpointClaim {
  readonly unit: string;
  readonly firstDay: Day;
  readonly lastDay: Day;
  readonly claimedBars: number;
  readonly storedBars: number;
  /** Why the checkpoint is not to be gone on from. */
  readonly fault: string | undefined;
  /** Covered days in which no bar ended; none unless asked for. */
  readonly idleDays: readonly Day[];
}

/** Reads the last checkpoint of every published unit and holds it against its coverage and against the store. Changes nothing. */
export async function lookAtCheckpoints(store: Store, withDays: boolean): Promise<CheckpointClaim[]> {
  const ends = await lastCheckpoints(store, withDays);
  const rowsOf = await storedRows(store);
  return ends.map((end) => claimOf(end, rowsOf(end)));
}

function claimOf(end: LastCheckpoint, storedBars: number): CheckpointClaim {
  const { threshold } = parseSeriesId(end.series);
  const { fault } = readCheckpoint({ ...end, thresholdDbps: threshold }, end.checkpoint);
  return {
    unit: unitId(end.series, end.segment),
    firstDay: end.firstDay,
    lastDay: end.day,
    claimedBars: end.committed,
    storedBars,
    fault: fault === undefined ? undefined : `${fault.text} (${fault.code})`,
    idleDays: end.idleDays,
  };
}

/** How much less the store has than was committed, percent of what was; 0 where it has as much or more. */
export function discrepancyPercent({ claimedBars, storedBars }: CheckpointClaim): number {
  return claimedBars === 0 ? 0 : Math.max(0, (100 * (claimedBars - storedBars)) / claimedBars);
}

/**
 * Checkpoints that cannot be gone on from, and units of which the store has lost bars. Pure.
 * @param minPercent a loss below it is let pass
 */
export function checkpointFindings(claims: readonly CheckpointClaim[], minPercent: number): Finding[] {
  return claims.flatMap((claim): Finding[] => {
    const { unit, claimedBars, storedBars, fault } = claim;
    const percent = discrepancyPercent(claim);
    const evidence = { claimed: claimedBars.toString(), stored: storedBars.toString(), percent: percent.toFixed(3) };
    const base = { kind: "checkpoint-differs", subject: unit, verdict: "wrong", evidence } as const;
    return [
      ...(fault === undefined ? [] : [{ ...base, place: "checkpoint", summary: fault }]),
      ...(percent > 0 && percent >= minPercent
        ? [{ ...base, place: "bars", summary: `${claimedBars} bars were committed, the store has ${storedBars}` }]
        : []),
    ];
  });
}

/** Coverage that the ledger has seen in the store and that the store has no longer, or otherwise. Pure. */
export function divergenceFindings(divergences: readonly Divergence[]): Finding[] {
  return divergences.map(({ unit: { series, segment, build }, missing, changed, doubled }): Finding => {
    const counts = { missing: missing.toString(), changed: changed.toString(), doubled: doubled.toString() };
    return {
      kind: "store-differs",
      subject: unitId(series, segment),
      place: `build ${build}`,
      verdict: "wrong",
      summary: `of its coverage ${missing} rows are gone that were seen, ${changed} are others, ${doubled} are there twice`,
      evidence: counts,
    };
  });
}
