import { randomUUID } from "node:crypto";
import { createWriteStream, rmSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ensureFolder } from "../../files/folders.ts";
import { ConfigurationError } from "../../model/errors.ts";
import { sqlString } from "../sql/literal.ts";
import type { InsertStatement } from "../sql/scan.ts";

/**
 * Bodies of inserts on their way into the embedded engine. The engine takes rows inline as text only and cuts them at the
 * first empty line without an error, so every body goes through a file and `INSERT … FROM INFILE`, which is also faster.
 */
export class Spool {
  readonly #folder: string;

  /** Empties the folder: what is in it was left by a process that is gone. */
  constructor(stateDirectory: string) {
    // INFILE expands these characters as a pattern.
    if (/[*?{}[\]]/.test(stateDirectory)) {
      throw new ConfigurationError("the state directory's path holds one of * ? { } [ ]", {
        code: "STATE_PATH",
        subject: stateDirectory,
        hint: "name another directory with --state or BARKEEP_STATE",
      });
    }
    this.#folder = join(stateDirectory, "spool");
    rmSync(this.#folder, { recursive: true, force: true });
    ensureFolder(this.#folder, 0o700);
  }

  /**
   * Writes a body to a file and hands `run` the statement that reads it; the file is gone afterwards.
   * @returns what `run` returned, and undefined without running it when the body is empty: inserting nothing succeeds
   */
  async insert<T>(
    statement: InsertStatement,
    body: string | Readable,
    run: (sql: string, bytes: number) => Promise<T>,
  ): Promise<T | undefined> {
    const path = join(this.#folder, `${randomUUID()}.bin`);
    try {
      const source = typeof body === "string" ? Readable.from([Buffer.from(body)], { objectMode: false }) : body;
      await pipeline(source, createWriteStream(path, { mode: 0o600 }));
      const { size } = await stat(path);
      if (size === 0) return undefined;
      const settings = statement.settings === "" ? "" : ` SETTINGS ${statement.settings}`;
      return await run(
        `${statement.target} FROM INFILE ${sqlString(path)}${settings} FORMAT ${statement.format}`,
        size,
      );
    } finally {
      await rm(path, { force: true });
    }
  }
}
