import type { Failure } from "../../model/errors.ts";
import { seriesId } from "../../model/series.ts";
import { barsMissing, lackingUnits, type Store } from "../../store/index.ts";
import type { SymbolWork } from "./populate.ts";

/** A symbol's work without the series that cannot be gone on with, and why. */
export interface SoundWork {
  readonly work: SymbolWork;
  readonly failures: readonly Failure[];
}

/**
 * Leaves out series whose bars are gone under their coverage: building behind a hole would not bring them back, and "nothing to
 * do" would be a lie.
 */
export async function soundWork(store: Store, work: SymbolWork): Promise<SoundWork> {
  const lacking = await lackingUnits(store, work.series.map(seriesId));
  const unsound = new Set(lacking.map(({ series }) => series));
  return {
    work: { ...work, series: work.series.filter((one) => !unsound.has(seriesId(one))) },
    failures: lacking.map(barsMissing),
  };
}
