import { compare } from "../model/compare.ts";
import type { Day } from "../model/day.ts";
import { parseSegmentId, type SegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import type { Gap, GapPriority } from "../watch/gap.ts";

/** `populate` goes on where a unit ends, or begins one; `rebuild` makes it anew beside what readers see. */
export type RepairAction = "populate" | "rebuild";

/** What readers see of a unit, as far as it decides how a gap is closed. */
export interface UnitFacts {
  /** The first day that its build was asked for. */
  readonly firstDay: Day;
  /** Where its coverage ends, and whether that day was read to its end. */
  readonly day: Day;
  readonly dayDone: boolean;
}

/** Gaps that are closed together: one symbol and segment, one pass over its trades. */
export interface Repair {
  readonly action: RepairAction;
  readonly priority: GapPriority;
  readonly symbol: string;
  readonly segment: SegmentId;
  readonly series: readonly SeriesId[];
  readonly units: readonly string[];
  readonly gaps: readonly [Gap, ...Gap[]];
  /** Where to begin; undefined for a rebuild that begins where the unit does now. */
  readonly fromDay: Day | undefined;
}

/** The same for the same gap in every look. Where it ends is not part of it: a trailing gap grows every day. */
export function gapKey(gap: KnownGap): string {
  return `${gap.kind} ${gap.unit} ${gapPlace(gap)}`;
}

/**
 * Tells gaps of one kind and unit apart. What is wrong with the bars of a unit is one trouble: by their number it is known of the
 * unit, by a look at each of them of some ids, and one repair closes it.
 */
export function gapPlace({ cause, fromDay, isSeenInBars }: KnownGap): string {
  return cause === "bars-lost" || isSeenInBars === true ? "bars" : fromDay;
}

type KnownGap = Pick<Gap, "kind" | "cause" | "unit" | "fromDay" | "isSeenInBars">;

/**
 * Nobody writes beside bars that exist: a gap that does not lie behind its unit's end is closed by making the unit anew.
 * @param facts by unit; absent where nothing of it is published
 */
export function repairOf(gap: Gap, facts: ReadonlyMap<string, UnitFacts>): Repair {
  const unit = facts.get(gap.unit);
  const isBehind = unit === undefined || gap.fromDay > unit.day || (gap.fromDay === unit.day && !unit.dayDone);
  const action = isBehind && gap.cause === "not-built" ? "populate" : "rebuild";
  const isInFront = unit !== undefined && gap.fromDay < unit.firstDay;
  const series = parseSeriesId(gap.series);
  return {
    action,
    priority: gap.priority,
    symbol: series.symbol,
    segment: parseSegmentId(gap.unit.slice(gap.unit.lastIndexOf(":") + 1)),
    series: [seriesId(series)],
    units: [gap.unit],
    gaps: [gap],
    fromDay: action === "populate" || isInFront ? gap.fromDay : undefined,
  };
}

/**
 * The repairs of some gaps, in the order in which they are to be made: the live edge first, then what is recent, then history;
 * within each the oldest segment first.
 * @param gaps that building can close
 */
export function repairsOf(gaps: readonly Gap[], facts: ReadonlyMap<string, UnitFacts>): Repair[] {
  const single = gaps.map((gap) => repairOf(gap, facts));
  const groups = Map.groupBy(single, ({ action, gaps: [gap], segment, fromDay }) => {
    const { venue, market, symbol } = parseSeriesId(gap.series);
    // Units that begin on other days cannot share a rebuild.
    return `${action} ${venue}/${market}/${symbol}:${segment} ${action === "rebuild" ? (fromDay ?? "") : ""}`;
  });
  return [...groups.values()]
    .map((group) => group.reduce(joined))
    .toSorted(
      (a, b) => compare(a.priority, b.priority) || compare(a.segment, b.segment) || compare(a.symbol, b.symbol),
    );
}

function joined(a: Repair, b: Repair): Repair {
  return {
    ...a,
    priority: a.priority < b.priority ? a.priority : b.priority,
    series: [...new Set([...a.series, ...b.series])],
    units: [...new Set([...a.units, ...b.units])],
    gaps: [...a.gaps, ...b.gaps],
    fromDay: a.fromDay === undefined || b.fromDay === undefined || a.fromDay < b.fromDay ? a.fromDay : b.fromDay,
  };
}

/** What is left of a repair without some units; undefined for nothing. */
export function repairWithout(repair: Repair, left: Pick<ReadonlySet<string>, "has">): Repair | undefined {
  const [first, ...rest] = repair.gaps.filter(({ unit }) => !left.has(unit));
  if (first === undefined) return undefined;
  const gaps = [first, ...rest] as const;
  const [series, units] = [new Set<string>(gaps.map((gap) => gap.series)), new Set(gaps.map(({ unit }) => unit))];
  return {
    ...repair,
    series: repair.series.filter((one) => series.has(one)),
    units: repair.units.filter((one) => units.has(one)),
    gaps,
  };
}
