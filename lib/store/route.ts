import type { Clients } from "./clients.ts";
import type { Engine } from "./embedded/engine.ts";

/** How statements reach the store; it may change while the store is used. */
export interface Route {
  /** The engine, when it runs in this process. */
  readonly engine: Engine | undefined;
  /**
   * Clients that lead to the store as it is reached now.
   * @throws RetryableError STORE_AWAY when it cannot be reached any more, and what opening it throws
   */
  clients(): Promise<Clients>;
  /**
   * Told of a statement that failed.
   * @param used the clients that it was sent with
   * @returns true where it may succeed when it is sent again with what `clients` gives then
   */
  hasLost(used: Clients, failure: unknown): boolean;
  close(): Promise<void>;
}

/** A route that stays: a server's, or that of an engine in this process which nobody else uses. */
export function fixedRoute(clients: Clients, engine?: Engine): Route {
  return {
    engine,
    clients: async () => clients,
    hasLost: () => false,
    close: async () => {
      await closeClients(clients);
      await engine?.settled();
      engine?.close();
    },
  };
}

export async function closeClients({ writer, reader }: Clients): Promise<void> {
  await Promise.all([writer.close(), reader.close()]);
}
