import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { RefusedError } from "../model/errors.ts";
import { processStart } from "../store/embedded/process-identity.ts";
import { storeIdOf, type Store } from "../store/index.ts";
import { systemClock } from "./clock.ts";
import { ledgerFailure } from "./errors.ts";
import { Ledger, ledgerPath } from "./ledger.ts";
import { openLedgerFile } from "./open-file.ts";
import { salvage, type Salvage, type SalvagedTable } from "./salvage.ts";
import { syncLedger, type SyncResult } from "./sync.ts";

/** How much of a table was kept. */
export interface KeptTable {
  readonly name: string;
  readonly rows: number;
  /** False where the file's damage may have cost rows. */
  readonly isWhole: boolean;
}

/** What a rebuild came to, or would come to. */
export interface RebuildResult {
  readonly kept: readonly KeptTable[];
  /** Where the file is now that was there before; undefined where there was none. */
  readonly aside: string | undefined;
  /** What the mirror was derived from; undefined where there is no store. */
  readonly sync: SyncResult | undefined;
}

/** What a rebuild would keep. Changes nothing. @throws as {@link rebuildLedger} */
export function planRebuild(stateDirectory: string): readonly KeptTable[] {
  const path = ledgerPath(stateDirectory);
  const found = existsSync(path) ? salvage(path) : undefined;
  refuseIfInUse(path, found);
  return found === undefined ? [] : found.tables.map((table) => keptOf(table, table.rows.length));
}

/**
 * Makes the ledger's file anew: plans, journal, attempts and outbox as far as the old file can be read, the mirror from the store.
 * The old file is moved aside, never deleted, and only when the new one is whole; killed before that, it is as if nothing had been
 * begun.
 * @param store undefined where there is none: the mirror is empty then
 * @throws RefusedError LEDGER_IN_USE; what the store throws
 */
export async function rebuildLedger(
  stateDirectory: string,
  store: Store | undefined,
  signal: AbortSignal,
): Promise<RebuildResult> {
  const path = ledgerPath(stateDirectory);
  const found = existsSync(path) ? salvage(path) : undefined;
  refuseIfInUse(path, found);
  const fresh = `${path}.new`;
  removeFile(fresh);
  const file = openLedgerFile(fresh);
  let kept: KeptTable[];
  let sync: SyncResult | undefined;
  try {
    const ledger = new Ledger(file, systemClock);
    const storeId = store === undefined ? found?.storeId : await storeIdOf(store);
    kept = file.transaction(() => {
      const tables = (found?.tables ?? []).map((table) => keptOf(table, putBack(file, table)));
      ledger.journal.record("ledger.rebuild", path, { kept: tables, storeBefore: found?.storeId, store: storeId });
      if (storeId !== undefined) ledger.belongTo(storeId);
      if (found !== undefined && found.storeId === storeId) {
        putEvidenceBack(ledger, file, found.evidence);
        for (const [series, segment, build, doubled] of found.acceptances.rows) {
          const unit = ledger.mirror.units.idOf(String(series), String(segment), Number(build));
          ledger.mirror.units.acceptDoubled(unit, Number(doubled));
        }
      }
      return tables;
    });
    sync = store === undefined ? undefined : await syncLedger(ledger, store, signal);
  } catch (error) {
    file.close();
    removeFile(fresh);
    throw error;
  }
  file.close();
  return { kept, aside: exchange(path, fresh), sync };
}

/** A process that has the file open would go on writing into the one that is moved aside. */
function refuseIfInUse(path: string, found: Salvage | undefined): void {
  const attempts = found?.tables.find(({ name }) => name === "attempts");
  if (attempts === undefined) return;
  const at = (column: string): number => attempts.columns.indexOf(column);
  const open = attempts.rows.find(
    (row) =>
      row[at("result")] === null &&
      row[at("host")] === hostname() &&
      row[at("pid")] !== BigInt(process.pid) &&
      processStart(Number(row[at("pid")])) === row[at("process_start")],
  );
  if (open === undefined) return;
  throw new RefusedError(`process ${open[at("pid")]} is at work on ${open[at("unit")]} and writes into the ledger`, {
    code: "LEDGER_IN_USE",
    subject: path,
    hint: "let it end or stop it, and run the same command again",
  });
}

function keptOf({ name, isWhole }: SalvagedTable, rows: number): KeptTable {
  return { name, rows, isWhole };
}

/** @returns how many rows; one that breaks the table's rules is damage, and left out */
function putBack(file: ReturnType<typeof openLedgerFile>, { name, columns, rows }: SalvagedTable): number {
  const places = columns.map(() => "?").join(", ");
  const sql = `INSERT OR IGNORE INTO ${name} (${columns.join(", ")}) VALUES (${places})`;
  return rows.reduce((sum, row) => sum + file.tryRun(sql, ...row), 0);
}

function putEvidenceBack(ledger: Ledger, file: ReturnType<typeof openLedgerFile>, evidence: SalvagedTable): void {
  const [, , , ...columns] = evidence.columns;
  const places = ["unit", ...columns].map(() => "?").join(", ");
  const sql = `INSERT OR IGNORE INTO mirror_coverage (unit, ${columns.join(", ")}) VALUES (${places})`;
  for (const [series, segment, build, ...cells] of evidence.rows) {
    const unit = ledger.mirror.units.idOf(String(series), String(segment), Number(build));
    file.tryRun(sql, unit, ...cells);
  }
}

/** Puts the new file in the old one's place. @returns where the old one is now */
function exchange(path: string, fresh: string): string | undefined {
  try {
    const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
    const aside = `${path}.aside-${stamp}`;
    const isThere = existsSync(path);
    // A second name first: the path itself never stands empty, and a log that stayed behind never meets the new file.
    if (isThere) linkSync(path, aside);
    for (const end of ["-wal", "-shm"]) if (existsSync(`${path}${end}`)) renameSync(`${path}${end}`, `${aside}${end}`);
    renameSync(fresh, path);
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
    return isThere ? aside : undefined;
  } catch (error) {
    throw ledgerFailure(error, path);
  }
}

function removeFile(path: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
}
