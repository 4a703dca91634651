import { statSync } from "node:fs";
import type { ResultKind } from "./attempts.ts";
import type { Ledger } from "./ledger.ts";
import type { Divergence, Mirror } from "./mirror.ts";

/** What a ledger holds. */
export interface LedgerStatus {
  readonly path: string;
  readonly bytes: number;
  readonly storeId: string | undefined;
  readonly plans: number;
  /** How many have each result; `undefined` stands for those without an end. */
  readonly attempts: ReadonlyMap<ResultKind | undefined, number>;
  readonly events: bigint;
  /** How many events say an earlier time than the one before. */
  readonly clockBack: bigint;
  readonly mirror: ReturnType<Mirror["totals"]>;
  readonly lastSyncMs: number | undefined;
  readonly pendingAlerts: number;
  readonly divergences: readonly Divergence[];
}

/** Reads what a ledger holds; asks no store. */
export function readLedgerStatus(ledger: Ledger): LedgerStatus {
  const { rows, clockBack } = ledger.journal.summary();
  return {
    path: ledger.path,
    bytes: statSync(ledger.path).size,
    storeId: ledger.storeId,
    plans: ledger.plans.count(),
    attempts: ledger.attempts.counts(),
    events: rows,
    clockBack,
    mirror: ledger.mirror.totals(),
    lastSyncMs: ledger.journal.last(1, { kind: "ledger.sync-ended" })[0]?.atMs,
    pendingAlerts: ledger.outbox.pending(),
    divergences: ledger.mirror.divergences(),
  };
}
