import type { z } from "zod";
import { embeddedClients, type Clients } from "../../lib/store/clients.ts";
import { Store } from "../../lib/store/store.ts";

/** What a writer does with the store, one after the other; each waits until a test lets it pass. */
export class GatedStore extends Store {
  /** Does not look whether another one has taken over. */
  isCareless = false;
  /** What it would do next; undefined while it does something and when it has ended. */
  next: string | undefined;
  #pass: (() => void) | undefined;
  #arrived: (() => void) | undefined;

  /** Connections that every writer of a test file uses: one does something at a time. */
  static async clientsOf(store: Store): Promise<Clients> {
    if (store.engine === undefined) throw new Error("an embedded store is wanted");
    return embeddedClients(store.engine);
  }

  /** Lets what waits pass, until the next thing waits or `ended` settles. */
  async step(ended: Promise<unknown>): Promise<void> {
    const arrived = new Promise<void>((resolve) => {
      this.#arrived = resolve;
    });
    this.next = undefined;
    this.#pass?.();
    this.#pass = undefined;
    await Promise.race([arrived, ended]);
  }

  override async rows<T extends z.ZodType>(sql: string, schema: T): Promise<z.output<T>[]> {
    const isCourtesy = sql.startsWith("SELECT 'committed' AS what");
    if (isCourtesy && this.isCareless) return [];
    if (!isCourtesy) await this.#wait("rows");
    return super.rows(sql, schema);
  }

  override async insertNative(...words: Parameters<Store["insertNative"]>): Promise<void> {
    await this.#wait(`insert ${words[0]}`);
    await super.insertNative(...words);
  }

  override async insertRows(...words: Parameters<Store["insertRows"]>): Promise<void> {
    const [table, rows] = words;
    // Leases are renewed by the clock, beside whatever else it does.
    if (rows.some(({ event }) => event !== "renewed")) await this.#wait(`insert ${table}`);
    await super.insertRows(table, rows);
  }

  async #wait(what: string): Promise<void> {
    const passed = new Promise<void>((resolve) => {
      this.#pass = resolve;
    });
    this.next = what;
    this.#arrived?.();
    this.#arrived = undefined;
    await passed;
  }
}
