import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";

const noteRow = z.object({ value: z.string().transform((text): unknown => JSON.parse(text)) });

/** What is remembered of a host from one command to the next, one JSON value under each name. */
export class HostNotes {
  readonly #file: LedgerFile;
  readonly #clock: Clock;

  constructor(file: LedgerFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /** @returns undefined where nothing is noted, or something that the schema does not know: another release wrote it */
  get<Schema extends z.ZodType>(host: string, name: string, schema: Schema): z.output<Schema> | undefined {
    const row = this.#file.row("SELECT value FROM host_notes WHERE host = ? AND name = ?", noteRow, host, name);
    return row === undefined ? undefined : schema.safeParse(row.value).data;
  }

  put(host: string, name: string, value: Readonly<Record<string, unknown>>): void {
    this.#file.run(
      "INSERT OR REPLACE INTO host_notes (host, name, value, changed_ms) VALUES (?, ?, ?, ?)",
      host,
      name,
      JSON.stringify(value),
      this.#clock.wallMs(),
    );
  }

  remove(host: string, name: string): void {
    this.#file.run("DELETE FROM host_notes WHERE host = ? AND name = ?", host, name);
  }
}
