import { isDeclaredBetween, isKnownGap, type Registry, type SymbolEntry } from "../../config/index.ts";
import { addDays, daysInclusive, type Day } from "../../model/day.ts";
import type { SegmentId } from "../../model/segments.ts";
import { parseSeriesId, type SeriesId } from "../../model/series.ts";
import { holesOf, pinPublished, type IdHole, type Store } from "../../store/index.ts";
import { readDigests } from "./digests.ts";

/** What the store holds of a series, from its coverage. */
export interface SeriesStatus {
  readonly series: SeriesId;
  /** Completed bars; orphans and the forming bar are not among them. */
  readonly bars: bigint;
  readonly firstId: bigint;
  readonly lastId: bigint;
  readonly days: number;
  readonly firstDay: Day;
  readonly lastDay: Day;
  readonly lastTradeUs: bigint;
  /** Was the last day's archive read to its end? */
  readonly lastDayDone: boolean;
  /** Coverage and holes that are declared or accepted tile first id … last id without overlap, and the bars are those that were committed. */
  readonly complete: boolean;
  /** Segments whose stored bars are not those that were committed. */
  readonly differing: readonly SegmentId[];
  /** Holes of ids that the registry does not declare and nobody has accepted, and overlaps. */
  readonly undeclaredHoles: readonly IdHole[];
  /** Holes that a person has accepted for a time. */
  readonly acceptedHoles: readonly IdHole[];
  /** FNV-1a over the completed bars as the store returns them. */
  readonly digest: bigint;
}

/** Every series of the store. @param registry declares known holes */
export async function readStatus(store: Store, registry: Registry, signal: AbortSignal): Promise<SeriesStatus[]> {
  const bySeries = Map.groupBy(await pinPublished(store), (pinned) => pinned.series);
  const statuses: SeriesStatus[] = [];
  for (const [series, segments] of bySeries) {
    const parts = segments.flatMap((pinned) => pinned.parts);
    const [first] = parts;
    const last = parts.at(-1);
    if (first === undefined || last === undefined) continue;
    signal.throwIfAborted();
    const entry = registry.symbols.get(parseSeriesId(series).symbol);
    const undeclaredHoles = undeclared(holesOf(parts), entry);
    const { digest, differing } = await readDigests(store, segments);
    statuses.push({
      series,
      bars: parts.reduce((sum, part) => sum + part.bars, 0n),
      firstId: first.fromId,
      lastId: last.throughId,
      days: new Set(parts.map((part) => part.day)).size,
      firstDay: first.day,
      lastDay: last.day,
      lastTradeUs: last.lastUs,
      lastDayDone: last.dayDone,
      complete: undeclaredHoles.length === 0 && differing.length === 0,
      differing,
      undeclaredHoles,
      acceptedHoles: [],
      digest,
    });
  }
  return statuses;
}

/**
 * The same with what a person has accepted.
 * @param isAccepted of a day that is not covered; who declares others is the registry
 */
export function withAccepted(
  status: SeriesStatus,
  entry: SymbolEntry | undefined,
  isAccepted: (day: Day) => boolean,
): SeriesStatus {
  const isExplained = ({ fromId, throughId, dayBefore, dayAfter }: IdHole): boolean => {
    // Of ids that archives lack which are there no day is accepted.
    const between = daysInclusive(addDays(dayBefore, 1), addDays(dayAfter, -1));
    const isHole = fromId <= throughId && between.length > 0;
    return isHole && between.every((day) => isKnownGap(entry, day) || isAccepted(day));
  };
  const undeclaredHoles = status.undeclaredHoles.filter((hole) => !isExplained(hole));
  return {
    ...status,
    undeclaredHoles,
    acceptedHoles: status.undeclaredHoles.filter(isExplained),
    complete: undeclaredHoles.length === 0 && status.differing.length === 0,
  };
}

/** The holes that the registry does not explain; an overlap is never explained. */
export function undeclared(holes: readonly IdHole[], entry: SymbolEntry | undefined): IdHole[] {
  return holes.filter(
    (hole) => hole.throughId < hole.fromId || !isDeclaredBetween(entry, hole.dayBefore, hole.dayAfter),
  );
}
