import type { Day } from "../model/day.ts";
import { groupOf, type WorkGroup } from "../model/groups.ts";
import type { Segment } from "../model/segments.ts";
import type { ThresholdDbps } from "../model/series.ts";
import type { PlannedUnit } from "./missing.ts";

/** Units of one symbol and segment that share one pass over the trades: the thing that is queued, placed and limited. */
export interface Job {
  /** `BTCUSDT@250,500:2024`, with venue and market in front when not the default; a rebuild ends in `:rebuild`. */
  readonly id: string;
  readonly symbol: string;
  readonly segment: Segment;
  readonly group: WorkGroup;
  readonly thresholds: readonly ThresholdDbps[];
  readonly units: readonly PlannedUnit[];
  /** The earliest day that one of the units needs. */
  readonly from: Day;
  readonly to: Day;
  readonly isRebuild: boolean;
}

/** One job per symbol and segment, or one per threshold as well. */
export type PassPolicy = "shared" | "single";

/** Units → jobs. A rebuild has a lease and an audit of its own, so it shares no job with units that go on. */
export function jobsOf(units: readonly PlannedUnit[], pass: PassPolicy): Job[] {
  const shared = Map.groupBy(units, ({ venue, market, symbol, segment, threshold, action }) =>
    [venue, market, symbol, segment.id, action === "rebuild", pass === "single" ? threshold : ""].join(" "),
  );
  return [...shared.values()].flatMap((members) => {
    const [first] = members;
    return first === undefined ? [] : [jobOf(first, members)];
  });
}

function jobOf(first: PlannedUnit, members: readonly PlannedUnit[]): Job {
  const units = members.toSorted((a, b) => a.threshold - b.threshold);
  const thresholds = units.map(({ threshold }) => threshold);
  const isRebuild = first.action === "rebuild";
  // A unit's id is the symbol, "@", the threshold, ":" and the segment; a job's has all thresholds.
  const [prefix = ""] = first.id.split("@");
  return {
    id: `${prefix}@${thresholds.join(",")}:${first.segment.id}${isRebuild ? ":rebuild" : ""}`,
    symbol: first.symbol,
    segment: first.segment,
    group: groupOf(thresholds),
    thresholds,
    units,
    from: units.reduce((from, unit) => (unit.from < from ? unit.from : from), first.from),
    to: units.reduce((to, unit) => (unit.lastDay > to ? unit.lastDay : to), first.lastDay),
    isRebuild,
  };
}
