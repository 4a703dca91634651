import type { z } from "zod";
import { SharedRoute } from "../lib/store/embedded/shared-route.ts";
import { migrate } from "../lib/store/schema/migrate.ts";
import { Store } from "../lib/store/store.ts";
import type { Interval } from "./intervals.ts";

/** A statement as its caller waited for it, on the clock of `performance.now()`. */
export interface Statement extends Interval {
  /** What is done to which table: `insert bars`, `select coverage`. */
  readonly kind: string;
  readonly sql: string;
}

/** The store, and how long each of its statements took. */
export class MeasuredStore extends Store {
  readonly statements: Statement[] = [];

  /** As openStore opens the embedded one. */
  static async open(stateDirectory: string): Promise<MeasuredStore> {
    const route = await SharedRoute.open(stateDirectory, toStderr);
    const store = new MeasuredStore(stateDirectory, route);
    await migrate(store);
    await route.serve();
    return store;
  }

  override async command(sql: string): Promise<void> {
    await this.#timed("command", sql, async () => super.command(sql));
  }

  override async rows<T extends z.ZodType>(sql: string, schema: T): Promise<z.output<T>[]> {
    return this.#timed("select", sql, async () => super.rows(sql, schema));
  }

  override async *stream(sql: string, format: Parameters<Store["stream"]>[1]): AsyncGenerator<Uint8Array> {
    const startMs = performance.now();
    try {
      yield* super.stream(sql, format);
    } finally {
      this.#add("stream", sql, startMs);
    }
  }

  override async insertNative(table: string, block: Uint8Array): Promise<void> {
    await this.#timed("insert", table, async () => super.insertNative(table, block));
  }

  override async insertRows(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    await this.#timed("insert", table, async () => super.insertRows(table, rows));
  }

  async #timed<T>(verb: string, sql: string, run: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    try {
      return await run();
    } finally {
      this.#add(verb, sql, startMs);
    }
  }

  #add(verb: string, sql: string, startMs: number): void {
    const table = /\bbarkeep\.(\w+)/.exec(sql)?.[1] ?? "nothing of ours";
    this.statements.push({ kind: `${verb} ${table}`, sql, startMs, endMs: performance.now() });
  }
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
