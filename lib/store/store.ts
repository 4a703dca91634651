import { Readable } from "node:stream";
import type { z } from "zod";
import { embeddedClients, serverClients, type Clients, type ServerAddress } from "./clients.ts";
import { Engine } from "./embedded/engine.ts";
import { isAlive, readOwner } from "./embedded/owner.ts";
import { storeFailure } from "./errors.ts";
import { migrate } from "./schema/migrate.ts";

/** How to reach the store: a ClickHouse server when a URL is given, else the embedded engine in the state directory. */
export interface StoreSettings {
  readonly stateDirectory: string;
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Rows of an insert that stand in every statement: acknowledged means on disk, and one body makes one part. */
const insertSettings = "async_insert = 0, input_format_parallel_parsing = 0, max_insert_threads = 1";

/** The store: statements in, typed rows out, errors in our own kinds. */
export class Store {
  /** The server's URL or the engine's state directory, for messages. */
  readonly where: string;
  /** The engine, when it runs in this process. */
  readonly engine: Engine | undefined;
  readonly #clients: Clients;

  constructor(where: string, clients: Clients, engine?: Engine) {
    this.where = where;
    this.engine = engine;
    this.#clients = clients;
  }

  /** Runs one statement that returns nothing. */
  async command(sql: string): Promise<void> {
    await this.#mapped(async () => {
      await this.#clients.writer.command({ query: sql });
    });
  }

  /** Rows of a query, each checked against a schema. For small results: they are held in memory. */
  async rows<T extends z.ZodType>(sql: string, schema: T): Promise<z.output<T>[]> {
    const raw = await this.#mapped(async () => {
      const result = await this.#clients.reader.query({ query: sql, format: "JSONEachRow" });
      return result.json<unknown>();
    });
    return raw.map((row) => schema.parse(row));
  }

  /** A query's result as bytes of a format, streamed. @param sql without its FORMAT clause */
  async *stream(
    sql: string,
    format: "Native" | "JSONEachRow" | "TabSeparated" | "ArrowStream" | "Parquet",
  ): AsyncGenerator<Uint8Array> {
    try {
      const { stream } = await this.#clients.reader.exec({ query: `${sql} FORMAT ${format}` });
      for await (const chunk of stream) yield asBytes(chunk);
    } catch (error) {
      throw storeFailure(error, this.where);
    }
  }

  /** Inserts one block in ClickHouse's Native format; at most 200,000 rows, so that it becomes one part. */
  async insertNative(table: string, block: Uint8Array): Promise<void> {
    // Without squashing: the block that was sent is the block that is written.
    const settings = `${insertSettings}, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0`;
    const body = Readable.from([block], { objectMode: false });
    await this.#insert(`INSERT INTO ${table} SETTINGS ${settings} FORMAT Native`, body);
  }

  /** Inserts rows as JSON in one block. Wide integers are given as decimal text. */
  async insertRows(table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    const body = Readable.from([Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(""))], {
      objectMode: false,
    });
    await this.#insert(`INSERT INTO ${table} SETTINGS ${insertSettings} FORMAT JSONEachRow`, body);
  }

  async close(): Promise<void> {
    await Promise.all([this.#clients.writer.close(), this.#clients.reader.close()]);
    await this.engine?.settled();
    this.engine?.close();
  }

  async #insert(query: string, values: Readable): Promise<void> {
    await this.#mapped(async () => {
      const { stream } = await this.#clients.writer.exec({ query, values });
      for await (const chunk of stream) void chunk;
    });
  }

  async #mapped<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw storeFailure(error, this.where);
    }
  }
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError("the store's stream gave something else than bytes");
}

/**
 * Opens the store and brings its schema up to date. Without a URL it is the embedded engine of the state directory; when
 * another process owns that and serves it (`barkeep store serve`), it is reached through that process.
 * @throws RefusedError STORE_OWNED, ConfigurationError STATE_NOT_WRITABLE, STORE_AUTHENTICATION or SCHEMA_NEWER,
 *   RetryableError STORE_AWAY, UnavailableError DISK_FULL
 */
export async function openStore(settings: StoreSettings): Promise<Store> {
  const address = serverOf(settings);
  return address === undefined ? openEmbedded(settings.stateDirectory) : migrated(serverStore(address));
}

function serverOf({ stateDirectory, url, user, password }: StoreSettings): ServerAddress | undefined {
  if (url !== undefined) return { url, user, password };
  const owner = readOwner(stateDirectory);
  if (owner?.url === undefined || owner.pid === process.pid || !isAlive(owner)) return undefined;
  return { url: owner.url, user: owner.user, password: owner.password };
}

function serverStore(address: ServerAddress): Store {
  const where = new URL(address.url);
  where.username = "";
  where.password = "";
  return new Store(where.href, serverClients(address));
}

/** Opens the engine in this process, which then owns the state directory. */
export async function openEmbedded(stateDirectory: string): Promise<Store> {
  const engine = await Engine.open(stateDirectory);
  return migrated(new Store(stateDirectory, await embeddedClients(engine), engine));
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
