import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { RefusedError } from "../model/errors.ts";
import { processStart } from "../store/embedded/process-identity.ts";
import { storeIdOf, type Store } from "../store/index.ts";
import { systemClock } from "./clock.ts";
import { ledgerFailure } from "./errors.ts";
import { Ledger, ledgerPath } from "./ledger.ts";
import { openLedgerFile } from "./open-file.ts";
import { OldLedger, type Salvage, type SalvagedTable } from "./salvage.ts";
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
  using old = existsSync(path) ? new OldLedger(path) : undefined;
  const found = old?.salvage();
  refuseIfInUse(path, found);
  return found === undefined ? [] : found.tables.map((table) => keptOf(table, table.rows.length));
}

/**
 * Makes the ledger's file anew: plans, journal, attempts and outbox as far as the old file can be read, the mirror from the store.
 * The old file is moved aside, never deleted, and only when the new one is whole; killed before that, it is as if nothing had been
 * begun. Who has the old file open writes into it no more (LEDGER_REPLACED); what was written into it meanwhile would be lost, so that
 * the new one does not take its place then.
 * @param store undefined where there is none: the mirror is empty then
 * @throws RefusedError LEDGER_IN_USE; what the store throws
 */
export async function rebuildLedger(
  stateDirectory: string,
  store: Store | undefined,
  signal: AbortSignal,
): Promise<RebuildResult> {
  const path = ledgerPath(stateDirectory);
  const made = await replaceLedger(path, store, signal);
  if (made.aside !== undefined) foldLogIn(made.aside);
  return made;
}

async function replaceLedger(path: string, store: Store | undefined, signal: AbortSignal): Promise<RebuildResult> {
  using old = existsSync(path) ? new OldLedger(path) : undefined;
  const found = old?.salvage();
  refuseIfInUse(path, found);
  const fresh = `${path}.new`;
  removeFile(fresh);
  try {
    const made = await fill(fresh, path, found, store, signal);
    const swap = (): string | undefined => exchange(path, fresh);
    return { ...made, aside: old === undefined ? swap() : old.whileUnchanged(swap) };
  } catch (error) {
    removeFile(fresh);
    throw error;
  }
}

/** Makes the new file, which will stand at `path`. */
async function fill(
  fresh: string,
  path: string,
  found: Salvage | undefined,
  store: Store | undefined,
  signal: AbortSignal,
): Promise<Omit<RebuildResult, "aside">> {
  const file = openLedgerFile(fresh);
  try {
    const ledger = new Ledger(file, systemClock);
    const storeId = store === undefined ? found?.storeId : await storeIdOf(store);
    const kept = file.transaction(() => {
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
    const sync = store === undefined ? undefined : await syncLedger(ledger, store, signal);
    return { kept, sync };
  } finally {
    file.close();
  }
}

/** Who is at work will want to say how it ended, and would be told that the file it began in is gone. */
function refuseIfInUse(path: string, found: Salvage | undefined): void {
  for (const table of found?.tables ?? []) {
    if (table.name === "attempts" || table.name === "heal_tries") refuseWhileAtWork(path, table);
  }
}

function refuseWhileAtWork(path: string, { columns, rows }: SalvagedTable): void {
  const at = (column: string): number => columns.indexOf(column);
  // A ledger is of one machine, whatever that was called when the work began.
  const open = rows.find(
    (row) =>
      row[at("result")] === null &&
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

/** The file aside is one file again, unless somebody has it open still. A damaged one stays as it is. */
function foldLogIn(aside: string): void {
  try {
    const database = new Database(aside);
    try {
      database.pragma("schema_version");
    } finally {
      database.close();
    }
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
  }
}

function removeFile(path: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
}
