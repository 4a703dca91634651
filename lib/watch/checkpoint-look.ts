import type { Day } from "../model/day.ts";
import { unitId } from "../model/series.ts";
import { lastCheckpoints, storedRows, type LastCheckpoint, type Store } from "../store/index.ts";
import { commitFault, commitFindings } from "./checkpoint-findings.ts";
import type { Finding } from "./finding.ts";

/** What a unit's last commit claims, beside what the store holds. */
export interface CheckpointClaim {
  readonly end: LastCheckpoint;
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
  const fault = commitFault(end);
  return {
    end,
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
 * Checkpoints that cannot be gone on from, units whose coverage is there twice, and those of which the store has lost bars. Pure.
 * @param minPercent a loss below it is let pass
 */
export function checkpointFindings(claims: readonly CheckpointClaim[], minPercent: number): Finding[] {
  return claims.flatMap((claim): Finding[] => {
    const { end, unit, claimedBars, storedBars } = claim;
    const percent = discrepancyPercent(claim);
    const other = [...commitFindings(end), ...doubledFindings(claim)];
    if (percent === 0 || percent < minPercent) return other;
    const evidence = { claimed: claimedBars.toString(), stored: storedBars.toString(), percent: percent.toFixed(3) };
    const summary = `${claimedBars} bars were committed, the store has ${storedBars}`;
    const of = { kind: "checkpoint-differs", subject: end.series, place: `bars of ${unit}` } as const;
    return [...other, { ...of, verdict: "wrong", summary, evidence }];
  });
}

/** Coverage rows that are there twice claim bars twice that are there once. */
function doubledFindings({ end, unit }: CheckpointClaim): Finding[] {
  if (end.doubled === 0) return [];
  const summary = `${end.doubled} rows of its coverage are there twice`;
  const of = { kind: "checkpoint-differs", subject: end.series, place: `coverage of ${unit}` } as const;
  return [{ ...of, verdict: "wrong", summary, evidence: { doubled: end.doubled.toString() } }];
}
