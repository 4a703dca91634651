import type { SeriesStatus } from "../datasets/range/status.ts";
import { formatDigest } from "../native/index.ts";
import { formatCount, textTable } from "./text-table.ts";

const right = { align: "right" } as const;

/** `2024-08-08 23:59:59.123456` */
export function formatMicroseconds(us: bigint): string {
  const iso = new Date(Number(us / 1000n)).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}${String(us % 1000n).padStart(3, "0")}`;
}

/** The answer of `status`. */
export function statusLines(statuses: readonly SeriesStatus[]): string[] {
  if (statuses.length === 0) return ["the store is empty: run populate first"];
  const table = textTable(
    [
      { title: "series" },
      { title: "bars", ...right },
      { title: "days", ...right },
      { title: "first day" },
      { title: "last trade (UTC)" },
      { title: "ids" },
      { title: "complete" },
      { title: "digest" },
    ],
    statuses.map((status) => [
      status.series,
      formatCount(status.bars),
      formatCount(status.days),
      status.firstDay,
      formatMicroseconds(status.lastTradeUs),
      `${status.firstId} … ${status.lastId}`,
      status.complete ? (status.lastDayDone ? "proven" : "proven, last day in part") : "no",
      formatDigest(status.digest),
    ]),
  );
  const holes = statuses.flatMap((status) =>
    status.undeclaredHoles.map((hole) =>
      hole.throughId < hole.fromId
        ? `${status.series}: ids ${hole.throughId + 1n} … ${hole.fromId - 1n} are covered twice (${hole.dayBefore}, ${hole.dayAfter})`
        : `${status.series}: ids ${hole.fromId} … ${hole.throughId} are missing between ${hole.dayBefore} and ${hole.dayAfter}; no known_gaps entry declares them`,
    ),
  );
  const accepted = statuses.flatMap((status) =>
    status.acceptedHoles.map(
      (hole) =>
        `${status.series}: ids ${hole.fromId} … ${hole.throughId} are missing between ${hole.dayBefore} and ${hole.dayAfter}, as accepted; barkeep detect-gaps says by whom`,
    ),
  );
  const differing = statuses.flatMap((status) =>
    status.differing.map(
      (segment) =>
        `${status.series}: the stored bars of ${segment} are not those that were committed; barkeep verify says more`,
    ),
  );
  return [...table, ...holes, ...accepted, ...differing];
}

/** The same as one document. */
export function statusDocument(statuses: readonly SeriesStatus[]): Record<string, unknown> {
  return {
    series: statuses.map((status) => ({
      series: status.series,
      bars: Number(status.bars),
      first_id: status.firstId,
      last_id: status.lastId,
      days: status.days,
      first_day: status.firstDay,
      last_day: status.lastDay,
      last_day_done: status.lastDayDone,
      last_trade_us: status.lastTradeUs,
      complete: status.complete,
      differing: status.differing,
      holes: status.undeclaredHoles.map((hole) => ({ from_id: hole.fromId, through_id: hole.throughId })),
      accepted_holes: status.acceptedHoles.map((hole) => ({ from_id: hole.fromId, through_id: hole.throughId })),
      digest: formatDigest(status.digest),
    })),
  };
}
