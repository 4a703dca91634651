import type { OpenWorkload } from "../workload.ts";
import { openLedgerRebuild, openLedgerSync } from "./ledger.ts";
import { openMigrate } from "./migrate.ts";
import { openPopulate, openPopulateDays, openPopulateMirror, openPopulateNext } from "./populate.ts";
import { openGc, openRebuild, openRebuildEarlier, openUndo } from "./rebuild.ts";
import { openServedOwner, openServedWorker } from "./served.ts";
import { openTwoAtOnce } from "./two-at-once.ts";

/** Every workload by its name. */
export const workloads: Readonly<Record<string, OpenWorkload>> = {
  populate: openPopulate,
  "populate-next": openPopulateNext,
  "populate-days": openPopulateDays,
  "populate-mirror": openPopulateMirror,
  "two-at-once": openTwoAtOnce,
  "served-owner": openServedOwner,
  "served-worker": openServedWorker,
  rebuild: openRebuild,
  "rebuild-earlier": openRebuildEarlier,
  undo: openUndo,
  gc: openGc,
  "ledger-sync": openLedgerSync,
  "ledger-rebuild": openLedgerRebuild,
  migrate: openMigrate,
};
