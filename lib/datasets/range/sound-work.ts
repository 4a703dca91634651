import type { Failure } from "../../model/errors.ts";
import { seriesId, type SeriesId } from "../../model/series.ts";
import { barsMissing, lackingUnits, unitsCovered, type CoveredUnit, type Store } from "../../store/index.ts";
import { coveredFor, type SymbolWork } from "./populate.ts";

/** A symbol's work as the store was found. */
export interface SoundWork {
  readonly asked: SymbolWork;
  /** The same without the series that cannot be gone on with. */
  readonly work: SymbolWork;
  /** What the store has of its series. */
  readonly covered: readonly CoveredUnit[];
  /** Why series were left out. */
  readonly failures: readonly Failure[];
}

/**
 * Looks at what the store has of all symbols, once for all of them, and leaves out series whose bars are gone under their
 * coverage: building behind a hole would not bring them back, and "nothing to do" would be a lie.
 */
export async function soundWork(store: Store, work: readonly SymbolWork[]): Promise<SoundWork[]> {
  const covered = await unitsCovered(
    store,
    work.flatMap(({ series }) => series.map(seriesId)),
  );
  const coveredOf = bySeries(covered);
  const lackingOf = bySeries(await lackingUnits(store, covered));
  return work.map((asked) => {
    const sound = asked.series.filter((one) => !lackingOf.has(seriesId(one)));
    return {
      asked,
      work: { ...asked, series: sound },
      covered: coveredFor(
        asked,
        sound.flatMap((one) => coveredOf.get(seriesId(one)) ?? []),
      ),
      failures: asked.series.flatMap((one) => lackingOf.get(seriesId(one)) ?? []).map(barsMissing),
    };
  });
}

/** The work of symbols that no store knows anything of. */
export function untouchedWork(work: readonly SymbolWork[]): SoundWork[] {
  return work.map((asked) => ({ asked, work: asked, covered: [], failures: [] }));
}

function bySeries<T extends { readonly series: SeriesId }>(all: readonly T[]): Map<SeriesId, T[]> {
  return Map.groupBy(all, ({ series }) => series);
}
