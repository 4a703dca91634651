import { join } from "node:path";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import { storeIdOf } from "../../lib/store/index.ts";
import { openEmbedded, type Store } from "../../lib/store/store.ts";
import { temporaryFolder } from "../ops/run.ts";

/** One store and one ledger that many scenes share; each scene is a symbol of its own. */
export class Bed implements AsyncDisposable {
  readonly state: string;
  readonly store: Store;
  readonly ledger: Ledger;
  #scenes = 0;

  private constructor(state: string, store: Store, ledger: Ledger) {
    this.state = state;
    this.store = store;
    this.ledger = ledger;
  }

  static async open(): Promise<Bed> {
    const state = join(temporaryFolder("bed"), "state");
    const store = await openEmbedded(state);
    const ledger = openLedger(state);
    ledger.belongTo(await storeIdOf(store));
    return new Bed(state, store, ledger);
  }

  /** A symbol that no scene has yet. */
  newSymbol(): string {
    this.#scenes += 1;
    return `T${this.#scenes}USDT`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.ledger.close();
    await this.store.close();
  }
}
