import type { Ledger } from "../../ledger/index.ts";
import type { Store } from "../../store/index.ts";

/** Where a run writes to. */
export interface PopulateTarget {
  readonly store: Store;
  readonly ledger: Ledger;
  /** The stored plan that is carried out; without one, what is to be done is put down as a plan of its own. */
  readonly planId?: string | undefined;
}
