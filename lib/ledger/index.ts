export { type AttemptEnd, type ResultKind, type StartedUnit } from "./attempts.ts";
export type { Clock } from "./clock.ts";
export { type EventKind, type JournalEvent } from "./journal.ts";
export { ledgerExists, ledgerPath, openLedger, type Ledger } from "./ledger.ts";
export type { Divergence } from "./mirror.ts";
export { shortPlanId, type StoredPlan } from "./plans.ts";
export { storeIdOf } from "./coverage-source.ts";
export { buildName, syncLedger, type SyncResult } from "./sync.ts";
