import { accessSync, chmodSync, closeSync, constants, existsSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { z } from "zod";
import { ensureFolder } from "../files/folders.ts";
import { ledgerCorrupt, ledgerFailure, ledgerForeign, ledgerNewer } from "./errors.ts";
import { fileIdentity, LedgerFile } from "./file.ts";
import { applicationId, ledgerMigrations, ledgerVersion } from "./schema.ts";

/** How long a statement waits for another process's transaction. */
const busyTimeoutMs = 10_000;
const setUpPauseMs = 20;

const number = z.coerce.number();

/**
 * Opens a ledger's file, which is made when it is absent, looks whether it can be relied on, and brings it to this program's
 * version.
 * @throws ConfigurationError STATE_NOT_WRITABLE, LEDGER_NEWER, LEDGER_FOREIGN; UnavailableError LEDGER_CORRUPT, DISK_FULL;
 *   RetryableError LEDGER_LOCKED
 */
export function openLedgerFile(path: string, timeoutMs = busyTimeoutMs): LedgerFile {
  let database: Database.Database | undefined;
  try {
    const opened = openIdentified(path, timeoutMs);
    database = opened.database;
    database.defaultSafeIntegers(true);
    checkKind(database, path);
    useWriteAheadLog(database, timeoutMs);
    // An acknowledged row is on disk, also behind a power cut.
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    // Without it INSERT OR REPLACE would delete past the triggers that refuse deletes.
    database.pragma("recursive_triggers = ON");
    checkPages(database, path);
    migrate(database, path);
    return new LedgerFile(path, database, opened.identity);
  } catch (error) {
    database?.close();
    throw ledgerFailure(error, path);
  }
}

/** SQLite does not say which file it has opened: the one that stands there before and behind. */
function openIdentified(
  path: string,
  timeout: number,
): { readonly database: Database.Database; readonly identity: string | undefined } {
  for (;;) {
    makeFile(path);
    const identity = fileIdentity(path);
    const database = new Database(path, { timeout });
    if (fileIdentity(path) === identity) return { database, identity };
    database.close();
  }
}

/** The file is this user's alone; SQLite gives the files beside it the same mode. */
function makeFile(path: string): void {
  ensureFolder(dirname(path), 0o700);
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
  accessSync(path, constants.R_OK | constants.W_OK);
  accessSync(dirname(path), constants.W_OK | constants.X_OK);
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

function checkKind(database: Database.Database, path: string): void {
  const id = number.parse(database.pragma("application_id", { simple: true }));
  const version = versionOf(database);
  const objects = number.parse(database.prepare("SELECT count(*) FROM sqlite_schema").pluck().get());
  if (id !== applicationId && (id !== 0 || version !== 0 || objects !== 0)) throw ledgerForeign(path);
  if (version > ledgerVersion) throw ledgerNewer(path, version, ledgerVersion);
}

function versionOf(database: Database.Database): number {
  return number.parse(database.pragma("user_version", { simple: true }));
}

/** SQLite does not wait for the right to change the mode where another process opens the new file at the same moment. */
function useWriteAheadLog(database: Database.Database, timeoutMs: number): void {
  const startMs = performance.now();
  for (;;) {
    try {
      database.pragma("journal_mode = WAL");
      return;
    } catch (error) {
      const isBusy = error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
      if (!isBusy || performance.now() - startMs > timeoutMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, setUpPauseMs);
    }
  }
}

/** Reads every page: about a quarter of a second for a million mirrored rows. */
function checkPages(database: Database.Database, path: string): void {
  const said = z.string().parse(database.pragma("quick_check(1)", { simple: true }));
  if (said !== "ok") throw ledgerCorrupt(path, said);
}

function migrate(database: Database.Database, path: string): void {
  if (versionOf(database) === ledgerVersion) return;
  const steps = database.transaction(() => {
    // Another process may have been here since, and with a later release.
    const version = versionOf(database);
    if (version > ledgerVersion) throw ledgerNewer(path, version, ledgerVersion);
    for (const migration of ledgerMigrations.filter((one) => one.version > version)) {
      database.exec(migration.sql);
      database.pragma(`application_id = ${applicationId}`);
      database.pragma(`user_version = ${migration.version}`);
    }
  });
  steps.immediate();
}
