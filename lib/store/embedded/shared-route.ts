import { Failure, RefusedError, RetryableError } from "../../model/errors.ts";
import type { Clients } from "../clients.ts";
import { isCutOff } from "../errors.ts";
import { closeClients, type Route } from "../route.ts";
import type { Engine } from "./engine.ts";
import { findStore, type FoundStore } from "./find-store.ts";

/**
 * The way to an embedded store that several processes use: through its owner, and when that is gone through the next one, which
 * may be this process.
 */
export class SharedRoute implements Route {
  readonly #stateDirectory: string;
  readonly #note: (line: string) => void;
  #found: FoundStore;
  #isLost = false;
  #renewal: Promise<void> | undefined;
  /** Clients of owners that are gone; one that ends may still be answering. */
  readonly #left: Clients[] = [];

  private constructor(stateDirectory: string, note: (line: string) => void, found: FoundStore) {
    this.#stateDirectory = stateDirectory;
    this.#note = note;
    this.#found = found;
  }

  /** @param note told what others mean for this process; @throws what findStore throws */
  static async open(stateDirectory: string, note: (line: string) => void): Promise<SharedRoute> {
    return new SharedRoute(stateDirectory, note, await findStore(stateDirectory, note));
  }

  get engine(): Engine | undefined {
    return this.#found.own?.engine;
  }

  /** Serves the engine to others where it runs in this process; to be called once its schema is what they expect. */
  async serve(): Promise<void> {
    try {
      await this.#found.own?.serve(0);
    } catch (error) {
      // Without a port this process does its own work as well as before.
      const reason = error instanceof Error ? error.message : String(error);
      this.#note(`the store cannot be served to other processes meanwhile: ${reason}`);
    }
  }

  async clients(): Promise<Clients> {
    if (this.#isLost) {
      this.#renewal ??= this.#renew().finally(() => {
        this.#renewal = undefined;
      });
      await this.#renewal;
    }
    return this.#found.clients;
  }

  hasLost(used: Clients, failure: unknown): boolean {
    if (!isCutOff(failure)) return false;
    if (used === this.#found.clients) this.#isLost = true;
    return true;
  }

  async close(): Promise<void> {
    await this.#renewal?.catch(ignoreFailure);
    await Promise.all(this.#left.map(closeClients));
    const { own, clients } = this.#found;
    await (own === undefined ? closeClients(clients) : own.close(this.#note));
  }

  async #renew(): Promise<void> {
    const { clients, owner } = this.#found;
    const found = await findStore(this.#stateDirectory, this.#note, owner).catch(toStoreAway);
    this.#left.push(clients);
    this.#found = found;
    this.#isLost = false;
    await this.serve();
  }
}

/** For a command that has begun, an owner that serves nobody is a store that is away. */
function toStoreAway(error: unknown): never {
  if (!(error instanceof RefusedError)) throw error;
  throw new RetryableError(`the store does not answer: ${error.message}`, {
    code: "STORE_AWAY",
    ...(error.subject === undefined ? {} : { subject: error.subject }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}

/** The statement that waited for it has it. */
function ignoreFailure(error: unknown): void {
  if (!(error instanceof Failure)) throw error;
}
