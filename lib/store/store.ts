import { Readable } from "node:stream";
import type { z } from "zod";
import { embeddedClients, serverClients, type Clients } from "./clients.ts";
import type { Engine } from "./embedded/engine.ts";
import { loadEngine } from "./embedded/load-engine.ts";
import { SharedRoute } from "./embedded/shared-route.ts";
import { storeFailure, wasNeverSent } from "./errors.ts";
import { fixedRoute, type Route } from "./route.ts";
import { migrate } from "./schema/migrate.ts";
import { statementKind } from "./sql/scan.ts";

/** How to reach the store: a ClickHouse server when a URL is given, else the embedded engine in the state directory. */
export interface StoreSettings {
  readonly stateDirectory: string;
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Told what other processes at the embedded store mean for this one; stderr when absent. */
  readonly note?: ((line: string) => void) | undefined;
}

/** How often a statement is sent again that was cut off while it may have been running. */
const repeatsMax = 2;

/** Rows of an insert that stand in every statement: acknowledged means on disk, and one body makes one part. */
const insertSettings = "async_insert = 0, input_format_parallel_parsing = 0, max_insert_threads = 1";

/**
 * The store: statements in, typed rows out, errors in our own kinds. Where its route changes (the process that owns the embedded
 * engine has ended), what can be repeated is: queries, answers that have not begun, statements that may run twice. An
 * insert may have landed: it fails with STORE_AWAY, and the next statement takes the new route.
 */
export class Store {
  /** The server's URL or the engine's state directory, for messages. */
  readonly where: string;
  readonly #route: Route;

  constructor(where: string, route: Route) {
    this.where = where;
    this.#route = route;
  }

  /** The engine, when it runs in this process. */
  get engine(): Engine | undefined {
    return this.#route.engine;
  }

  /** Runs one statement that returns nothing; one that may run twice, unless it inserts. */
  async command(sql: string): Promise<void> {
    const mayRepeat = statementKind(sql) === "INSERT" ? wasNeverSent : always;
    await this.#send(async ({ writer }) => {
      await writer.command({ query: sql });
    }, mayRepeat);
  }

  /** Rows of a query, each checked against a schema. For small results: they are held in memory. */
  async rows<T extends z.ZodType>(sql: string, schema: T): Promise<z.output<T>[]> {
    const raw = await this.#send(async ({ reader }) => {
      const result = await reader.query({ query: sql, format: "JSONEachRow" });
      return result.json<unknown>();
    }, always);
    return raw.map((row) => schema.parse(row));
  }

  /** A query's result as bytes of a format, streamed. @param sql without its FORMAT clause */
  async *stream(
    sql: string,
    format: "Native" | "JSONEachRow" | "TabSeparated" | "ArrowStream" | "Parquet",
  ): AsyncGenerator<Uint8Array> {
    const open = async ({ reader }: Clients): Promise<Begun> => {
      const { stream } = await reader.exec({ query: `${sql} FORMAT ${format}` });
      const chunks = stream[Symbol.asyncIterator]();
      return { chunks, first: await chunks.next() };
    };
    const { chunks, first } = await this.#send(open, always);
    try {
      for (let next = first; next.done !== true; next = await chunks.next()) yield asBytes(next.value);
    } catch (error) {
      throw storeFailure(error, this.where);
    } finally {
      await chunks.return?.();
    }
  }

  /** Inserts one block in ClickHouse's Native format; at most 200,000 rows, so that it becomes one part. */
  async insertNative(table: string, block: Uint8Array): Promise<void> {
    // Without squashing: the block that was sent is the block that is written.
    const settings = `${insertSettings}, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0`;
    await this.#insert(`INSERT INTO ${table} SETTINGS ${settings} FORMAT Native`, block);
  }

  /** Inserts rows as JSON in one block. Wide integers are given as decimal text. */
  async insertRows(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    const body = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    await this.#insert(`INSERT INTO ${table} SETTINGS ${insertSettings} FORMAT JSONEachRow`, body);
  }

  async close(): Promise<void> {
    await this.#route.close();
  }

  async #insert(query: string, body: Uint8Array): Promise<void> {
    await this.#send(async ({ writer }) => {
      const values = Readable.from([body], { objectMode: false });
      const { stream } = await writer.exec({ query, values });
      for await (const chunk of stream) void chunk;
    }, wasNeverSent);
  }

  /**
   * Sends a statement, and again where its route was lost and `mayRepeat`: twice at most by one route, and to three processes at
   * most, for it may be what ends them.
   */
  async #send<T>(run: (clients: Clients) => Promise<T>, mayRepeat: (failure: unknown) => boolean): Promise<T> {
    let failedBy: Clients | undefined;
    let cuts = 0;
    for (;;) {
      const clients = await this.#route.clients();
      try {
        return await run(clients);
      } catch (error) {
        const failure = storeFailure(error, this.where);
        const isLost = this.#route.hasLost(clients, failure);
        if (!wasNeverSent(failure)) cuts += 1;
        if (!isLost || !mayRepeat(failure) || clients === failedBy || cuts > repeatsMax) throw failure;
        failedBy = clients;
      }
    }
  }
}

/** An answer whose first bytes are here. */
interface Begun {
  readonly chunks: AsyncIterator<unknown>;
  readonly first: IteratorResult<unknown>;
}

function always(): boolean {
  return true;
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError("the store's stream gave something else than bytes");
}

/**
 * Opens the store and brings its schema up to date. Without a URL it is the embedded engine of the state directory: reached
 * through the process that owns it, or opened here and served to others until `close`.
 * @throws RefusedError STORE_OWNED, ConfigurationError STATE_NOT_WRITABLE, TOKEN_FILE_PERMISSIONS, STORE_AUTHENTICATION
 *   or SCHEMA_NEWER, RetryableError STORE_AWAY, UnavailableError DISK_FULL
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  const { url, user, password } = settings;
  if (url !== undefined) {
    return migrated(new Store(withoutUser(url), fixedRoute(serverClients({ url, user, password }))));
  }
  const route = await SharedRoute.open(settings.stateDirectory, settings.note ?? toStderr);
  const store = await migrated(new Store(settings.stateDirectory, route));
  await route.serve();
  return store;
}

function withoutUser(url: string): string {
  const where = new URL(url);
  where.username = "";
  where.password = "";
  return where.href;
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Opens the engine in this process alone: it owns the state directory and serves it to nobody. */
export async function openEmbedded(stateDirectory: string): Promise<Store> {
  const Engine = await loadEngine();
  const engine = await Engine.open(stateDirectory);
  return migrated(new Store(stateDirectory, fixedRoute(await embeddedClients(engine), engine)));
}

async function migrated(store: Store): Promise<Store> {
  try {
    await migrate(store);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
