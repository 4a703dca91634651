import { embeddedClients, type Clients } from "../clients.ts";
import { closeClients } from "../route.ts";
import { StoreServer, type ServedAddress } from "../serve/server.ts";
import type { Engine } from "./engine.ts";
import { loadEngine } from "./load-engine.ts";

/** The engine in this process: clients for it, which never leave the process, and a server for the others. */
export class OwnedStore {
  readonly engine: Engine;
  readonly clients: Clients;
  #server: StoreServer | undefined;

  private constructor(engine: Engine, clients: Clients) {
    this.engine = engine;
    this.clients = clients;
  }

  /** @throws what Engine.open throws, STORE_OWNED before all */
  static async open(stateDirectory: string): Promise<OwnedStore> {
    const Engine = await loadEngine();
    const engine = await Engine.open(stateDirectory);
    return new OwnedStore(engine, await embeddedClients(engine));
  }

  /**
   * Serves the engine on 127.0.0.1 until `close`, and says so in the owner's file.
   * @param port 0 for any free one
   * @throws the system's error, EADDRINUSE …; nothing is served then
   */
  async serve(port: number): Promise<ServedAddress> {
    const server = new StoreServer(this.engine);
    const address = await server.start(port);
    this.#server = server;
    process.prependListener("exit", this.#dieAtOnce);
    return address;
  }

  /**
   * Lets statements of others under way end, then closes the engine.
   * @param note told when others use the store
   */
  async close(note: (line: string) => void): Promise<void> {
    if (this.#server !== undefined) {
      const { guestCount } = this.#server;
      if (guestCount > 0) note(`${othersText(guestCount)} with the next owner`);
      await this.#server.stop();
    }
    await closeClients(this.clients);
    await this.engine.settled();
    this.engine.close();
    process.removeListener("exit", this.#dieAtOnce);
  }

  /**
   * The program ends without `close`: the second signal, or a bug. process.exit would wait for every statement in the engine,
   * deaf to those who sent them. A kill loses nothing.
   */
  readonly #dieAtOnce = (): void => {
    if (this.#server?.isBusy === true) process.kill(process.pid, "SIGKILL");
  };
}

function othersText(count: number): string {
  return count === 1 ? "another one is using the store; it goes on" : `${count} others are using the store; they go on`;
}
