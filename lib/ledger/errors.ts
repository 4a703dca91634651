import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import { ConfigurationError, Failure, RetryableError, UnavailableError } from "../model/errors.ts";
import { notWritable } from "../store/errors.ts";

const replacedCode = "LEDGER_REPLACED";

const fileCodes: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "ENOENT"]);

/**
 * What an error of SQLite or of the file system means for the ledger; an error of another kind is returned as it is, so that it
 * ends the program as a bug.
 * @param path the ledger's file
 */
export function ledgerFailure(error: unknown, path: string): unknown {
  if (error instanceof Failure || !(error instanceof Error) || !("code" in error)) return error;
  const code = String(error.code);
  if (fileCodes.has(code)) return notWritable(path, error);
  if (code === "ENOSPC") return diskFull(path, error);
  return error instanceof Database.SqliteError ? ofSqlite(code, path, error) : error;
}

function ofSqlite(code: string, path: string, error: Error): unknown {
  if (code.startsWith("SQLITE_NOTADB") || code.startsWith("SQLITE_CORRUPT")) return ledgerCorrupt(path, error.message);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return new RetryableError("another process keeps the ledger locked", {
      code: "LEDGER_LOCKED",
      subject: path,
      hint: "let it end (an open `sqlite3` shell counts), and run the same command again",
      cause: error,
    });
  }
  if (code.startsWith("SQLITE_FULL")) return diskFull(path, error);
  if (code.startsWith("SQLITE_READONLY") || code.startsWith("SQLITE_CANTOPEN") || code === "SQLITE_PERM") {
    return notWritable(path, error);
  }
  if (code.startsWith("SQLITE_IOERR")) {
    // Where there is no room for the file of its shared memory, SQLite says no more than that.
    if (freeBytesBeside(path) < roomLeast) return diskFull(path, error);
    return new UnavailableError(`the disk of the ledger gives errors: ${error.message}`, {
      code: "LEDGER_IO",
      subject: path,
      hint: "check the disk; when it is well again, run the same command again",
      cause: error,
    });
  }
  return error;
}

/** A file that SQLite cannot read, or can read and finds damaged. */
export function ledgerCorrupt(path: string, what: string): UnavailableError {
  return new UnavailableError(`the ledger is damaged: ${what}`, {
    code: "LEDGER_CORRUPT",
    subject: path,
    hint: "barkeep ledger rebuild",
  });
}

/** A file that a later release has written. */
export function ledgerNewer(path: string, version: number, known: number): ConfigurationError {
  return new ConfigurationError(`the ledger is of version ${version}; this program knows ${known}`, {
    code: "LEDGER_NEWER",
    subject: path,
    hint: "use the newer barkeep that wrote it, or another state directory",
  });
}

/** Another file stands where a process has opened this one. */
export function ledgerReplaced(path: string): RetryableError {
  return new RetryableError("the ledger was made anew or moved away since it was opened", {
    code: replacedCode,
    subject: path,
    hint: "run the same command again: it goes on with the file that is there now",
  });
}

/** Is it over with this file, so that whoever runs on is to open the ledger anew? */
export function isLedgerReplaced(error: unknown): error is Failure {
  return error instanceof Failure && error.code === replacedCode;
}

/** An SQLite file of another program. */
export function ledgerForeign(path: string): ConfigurationError {
  return new ConfigurationError("the file is another program's database, no ledger", {
    code: "LEDGER_FOREIGN",
    subject: path,
    hint: "move it elsewhere, or name another state directory with --state",
  });
}

/** SQLite makes its shared memory of pieces of this size. */
const roomLeast = 32_768;

function freeBytesBeside(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}

function diskFull(path: string, cause: unknown): UnavailableError {
  return new UnavailableError("the disk of the ledger is full", {
    code: "DISK_FULL",
    subject: path,
    hint: "free some space and run the same command again",
    cause,
  });
}
