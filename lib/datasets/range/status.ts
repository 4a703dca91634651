import { isDeclaredBetween, type Registry } from "../../config/index.ts";
import type { Day } from "../../model/day.ts";
import { parseSeriesId, type SeriesId } from "../../model/series.ts";
import { foldDigest } from "../../native/index.ts";
import {
  digestOfBars,
  holesOf,
  readCoverage,
  sqlString,
  type CoveragePart,
  type IdHole,
  type Store,
} from "../../store/index.ts";
import { barWindows, windowCondition } from "./bar-windows.ts";

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
  /** Coverage and declared holes tile first id … last id without overlap. */
  readonly complete: boolean;
  /** Holes of ids that the registry does not declare, and overlaps. */
  readonly undeclaredHoles: readonly IdHole[];
  /** FNV-1a over the completed bars as the store returns them. */
  readonly digest: bigint;
}

/** Every series of the store. @param registry declares known holes; undefined where there is none to read */
export async function readStatus(store: Store, registry: Registry | undefined): Promise<SeriesStatus[]> {
  const bySeries = Map.groupBy(await readCoverage(store), (part) => part.series);
  const statuses: SeriesStatus[] = [];
  for (const [series, parts] of bySeries) {
    const [first] = parts;
    const last = parts.at(-1);
    if (first === undefined || last === undefined) continue;
    const entry = registry?.symbols.get(parseSeriesId(series).symbol);
    const undeclaredHoles = holesOf(parts).filter(
      (hole) => hole.throughId < hole.fromId || !isDeclaredBetween(entry, hole.dayBefore, hole.dayAfter),
    );
    statuses.push({
      series,
      bars: parts.reduce((sum, part) => sum + part.bars, 0n),
      firstId: first.fromId,
      lastId: last.throughId,
      days: new Set(parts.map((part) => part.day)).size,
      firstDay: first.day,
      lastDay: last.day,
      lastTradeUs: last.lastUs,
      complete: undeclaredHoles.length === 0,
      undeclaredHoles,
      digest: await digestOfSeries(store, series, parts),
    });
  }
  return statuses;
}

/** Digest over a series' completed bars, read back in windows of bounded size. */
export async function digestOfSeries(store: Store, series: SeriesId, parts: readonly CoveragePart[]): Promise<bigint> {
  let digest = foldDigest(new Uint8Array()).digest;
  for (const window of barWindows(parts)) {
    const from = `barkeep.bars_published WHERE series = ${sqlString(series)} AND is_orphan = 0 AND ${windowCondition(window)}`;
    ({ digest } = await digestOfBars(store, from, digest));
  }
  return digest;
}
