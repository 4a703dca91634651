import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import type { Engine } from "./embedded/engine.ts";
import { sessionSettings } from "./embedded/engine-settings.ts";

/** Where a ClickHouse server is. */
export interface ServerAddress {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** Writes and reads have a client each: the embedded engine runs one connection's statements in series. */
export interface Clients {
  readonly writer: ClickHouseClient;
  readonly reader: ClickHouseClient;
}

/** Long enough for an insert that waits for merges; a server that is gone shows as a refused or cut connection. */
const requestTimeoutMs = 300_000;

/** @param headers sent with every request */
export function serverClients(address: ServerAddress, headers: Readonly<Record<string, string>> = {}): Clients {
  const client = (): ClickHouseClient =>
    createClient({
      url: address.url,
      ...(address.user === undefined ? {} : { username: address.user }),
      ...(address.password === undefined ? {} : { password: address.password }),
      application: "barkeep",
      request_timeout: requestTimeoutMs,
      http_headers: { ...headers },
      clickhouse_settings: sessionSettings,
      log: { level: ClickHouseLogLevel.OFF },
    });
  return { writer: client(), reader: client() };
}

export async function embeddedClients(engine: Engine): Promise<Clients> {
  // With the engine, and not before it: see loadEngine.
  const { EmbeddedConnection } = await import("./embedded/connection.ts");
  const client = async (): Promise<ClickHouseClient> =>
    createClient({ connection: await EmbeddedConnection.open(engine), log: { level: ClickHouseLogLevel.OFF } });
  return { writer: await client(), reader: await client() };
}
