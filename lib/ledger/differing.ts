import { storeIdOf, type Store } from "../store/index.ts";
import { storedSums, unitText, type MirroredUnit } from "./coverage-source.ts";
import type { Ledger } from "./ledger.ts";
import { isSameSums, noRows, type Sums } from "./sums.ts";

/** A unit whose sums are not the mirror's. */
export interface DifferingUnit {
  readonly unit: MirroredUnit;
  /** Rows that the store has more, fewer where negative. */
  readonly more: bigint;
}

/**
 * What a sync would read: the units whose sums differ. Changes nothing.
 * @throws RefusedError LEDGER_OTHER_STORE
 */
export async function planSync(ledger: Ledger, store: Store): Promise<DifferingUnit[]> {
  ledger.checkBelongsTo(await storeIdOf(store));
  return differingUnits(ledger, await storedSums(store));
}

/** The units whose sums differ, those that only one of the two has among them. */
export function differingUnits(ledger: Ledger, stored: readonly (MirroredUnit & Sums)[]): DifferingUnit[] {
  const mirrored = ledger.mirror.units.all();
  const differing: DifferingUnit[] = [];
  for (const one of stored) {
    const text = unitText(one);
    const sums = mirrored.get(text)?.sums ?? noRows;
    if (!isSameSums(sums, one)) differing.push({ unit: one, more: one.rows - sums.rows });
    mirrored.delete(text);
  }
  const gone = [...mirrored.values()].filter(({ sums }) => !isSameSums(sums, noRows));
  return [...differing, ...gone.map(({ unit, sums }) => ({ unit, more: -sums.rows }))];
}
