import { formingBar } from "../datasets/range/forming.ts";
import { mergeIntervals, type IdInterval } from "../model/intervals.ts";
import { parseSeriesId, unitId } from "../model/series.ts";
import {
  breaksOfBars,
  pinBuild,
  readCheckpoint,
  type CoverageRow,
  type PinnedSegment,
  type Store,
  type UnitOutline,
} from "../store/index.ts";
import type { Gap } from "./gap.ts";
import { priorityOf } from "./gap-rules.ts";

/**
 * Names what is wrong with the bars of a unit whose sums did not prove them: ids that coverage has and no bar has, ids that two
 * bars have. Nothing where it turns out that all is as it must be: rows of attempts that do not count lie beside the bars, or
 * quarantined ids between them.
 */
export async function barGapsOf(store: Store, unit: UnitOutline, nowMs: number): Promise<Gap[]> {
  const pinned = await pinBuild(store, unit.series, unit.segment, unit.build);
  if (pinned === undefined) return [];
  const { breaks, lastId } = await breaksOfBars(store, pinned);
  const through = lastId ?? pinned.parts[0].fromId - 1n;
  const without = breaks.map(({ beforeLastId, firstId }) => ({ fromId: beforeLastId + 1n, throughId: firstId - 1n }));
  const end = await endOfBars(pinned);
  if (end !== undefined) without.push({ fromId: through + 1n, throughId: end });
  const doubled = breaks.flatMap(({ beforeLastId, firstId, lastId }): IdInterval[] =>
    firstId > beforeLastId ? [] : [{ fromId: firstId, throughId: min(lastId, beforeLastId) }],
  );
  return [
    ...lostIntervals(pinned.parts, without).map((ids) => gapOf(pinned, "interior", ids, nowMs)),
    ...mergeIntervals(doubled).map((ids) => gapOf(pinned, "overlap", ids, nowMs)),
  ];
}

/** The last id that a stored bar must hold: what is forming behind it stands in the checkpoint. Undefined where that cannot be read. */
async function endOfBars({ series, parts }: PinnedSegment): Promise<bigint | undefined> {
  const last = parts.at(-1) ?? parts[0];
  const place = { ...last, thresholdDbps: parseSeriesId(series).threshold };
  const { content } = readCheckpoint(place, Buffer.from(last.checkpoint, "base64"));
  if (content === undefined) return undefined;
  const forming = await formingBar(content);
  const firstId = forming?.columns.get("first_agg_trade_id")?.[0];
  return firstId === undefined ? last.throughId : BigInt(firstId) - 1n;
}

/** Of ids that no bar has, those that coverage has and has not quarantined. */
function lostIntervals(parts: readonly CoverageRow[], without: readonly IdInterval[]): IdInterval[] {
  const lost = parts.flatMap((part) => {
    const common = without.flatMap(({ fromId, throughId }) => {
      const ids = { fromId: max(fromId, part.fromId), throughId: min(throughId, part.throughId) };
      return ids.fromId <= ids.throughId ? [ids] : [];
    });
    const count = common.reduce((sum, ids) => sum + ids.throughId - ids.fromId + 1n, 0n);
    return count > part.quarantined ? common : [];
  });
  return mergeIntervals(lost);
}

function gapOf(pinned: PinnedSegment, kind: "interior" | "overlap", ids: IdInterval, nowMs: number): Gap {
  const { series, segment, parts } = pinned;
  const { fromId, throughId } = ids;
  const fromDay = (parts.find((part) => part.throughId >= fromId) ?? parts[0]).day;
  const throughDay = (parts.findLast((part) => part.fromId <= throughId) ?? parts[0]).day;
  const isLost = kind === "interior";
  return {
    kind,
    cause: isLost ? "bars-lost" : "doubled",
    priority: priorityOf(kind, throughDay, nowMs),
    series,
    unit: unitId(series, segment),
    fromDay,
    throughDay,
    fromId,
    throughId,
    reason: isLost
      ? `no bar has the ids ${fromId} … ${throughId}, which were committed`
      : `more than one bar has the ids ${fromId} … ${throughId}`,
  };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
