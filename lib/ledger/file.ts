import { statSync } from "node:fs";
import Database from "better-sqlite3";
import type { z } from "zod";
import { ledgerFailure, ledgerReplaced } from "./errors.ts";

/** What a statement may be given. */
type SqlValue = string | number | bigint | null;

/** Tells the file at a path from any other that takes its place; undefined where there is none. */
export function fileIdentity(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}/${found.ino}`;
}

/**
 * The ledger's SQLite file: statements in, checked rows out, errors in our own kinds. Integers come as bigint. Once another file has its
 * place nothing is written into it any more: nobody would read that.
 */
export class LedgerFile {
  readonly path: string;
  readonly #database: Database.Database;
  readonly #identity: string | undefined;
  readonly #statements = new Map<string, Database.Statement>();

  /** @param identity of the file when it was opened */
  constructor(path: string, database: Database.Database, identity: string | undefined) {
    this.path = path;
    this.#database = database;
    this.#identity = identity;
  }

  /** Rows of a query, each checked against a schema. */
  rows<T extends z.ZodType>(sql: string, schema: T, ...values: readonly SqlValue[]): z.output<T>[] {
    return this.#mapped(() => this.#statement(sql).all(...values)).map((row) => schema.parse(row));
  }

  /** The first row of a query, if there is one. */
  row<T extends z.ZodType>(sql: string, schema: T, ...values: readonly SqlValue[]): z.output<T> | undefined {
    const row = this.#mapped(() => this.#statement(sql).get(...values));
    return row === undefined ? undefined : schema.parse(row);
  }

  /** Runs a statement. @returns how many rows it changed, and the id of the row it inserted */
  run(sql: string, ...values: readonly SqlValue[]): { readonly changes: number; readonly id: bigint } {
    const { changes, lastInsertRowid } = this.transaction(() =>
      this.#mapped(() => this.#statement(sql).run(...values)),
    );
    return { changes, id: BigInt(lastInsertRowid) };
  }

  /** The same for a row that may break a rule of its table. @returns how many rows it changed; 0 for such a one */
  tryRun(sql: string, ...values: readonly SqlValue[]): number {
    try {
      return this.run(sql, ...values).changes;
    } catch (error) {
      if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_CONSTRAINT")) return 0;
      throw error;
    }
  }

  /**
   * Runs `work` in one transaction, which has the right to write from its start: all of it or nothing. Inside another transaction
   * it becomes a part of that. Keep it short: other processes wait for it.
   * @throws RetryableError LEDGER_REPLACED
   */
  transaction<T>(work: () => T): T {
    if (this.#database.inTransaction) return work();
    const checked = this.#database.transaction(() => {
      // Who puts another file in its place has the right to write meanwhile: from here on it stays.
      if (fileIdentity(this.path) !== this.#identity) throw ledgerReplaced(this.path);
      return work();
    });
    return this.#mapped(() => checked.immediate());
  }

  close(): void {
    this.#database.close();
  }

  #statement(sql: string): Database.Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #mapped<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw ledgerFailure(error, this.path);
    }
  }
}
