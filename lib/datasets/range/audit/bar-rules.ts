import type { BarColumn } from "../../../store/columns.generated.ts";
import { sqlInteger } from "../../../store/index.ts";
import type { Subject } from "./subject.ts";

/** Something that every single bar has to be. */
export interface BarRule {
  readonly code: string;
  /** SQL over a bar's columns: true where the bar is wrong. */
  readonly fault: string;
  readonly what: string;
  /** The cells to show. */
  readonly shown: readonly (BarColumn | "ended_by_id")[];
  /** About how the bar is stored and lies in its coverage; not asked of the forming bar. */
  readonly storedOnly?: true;
}

/**
 * The rules of single bars. In integers throughout, as the engine decides them: a bar's limits are
 * open ± trunc(open · threshold / 100 000), a price at or beyond one closes it, unless the trade is in the gate unit of the
 * opening trade's time.
 */
export function barRules(subject: Subject): readonly BarRule[] {
  return [...ownRules(subject), ...endRules(subject), ...placeRules(subject)];
}

function ownRules({ quarantined }: Subject): readonly BarRule[] {
  const span = "last_agg_trade_id - first_agg_trade_id + 1";
  return [
    {
      code: "OHLC",
      fault: "low <= 0 OR open < low OR open > high OR close < low OR close > high",
      what: "prices do not lie between low and high, above 0",
      shown: ["open", "high", "low", "close"],
    },
    {
      code: "COUNTS",
      fault: "agg_record_count < if(is_orphan = 1, 1, 2) OR individual_trade_count < agg_record_count",
      what: "a completed bar has two trades or more, an orphan one, and a trade one fill or more",
      shown: ["agg_record_count", "individual_trade_count"],
    },
    {
      code: "IDS",
      fault: `last_agg_trade_id < first_agg_trade_id OR agg_record_count ${quarantined === 0n ? "!=" : ">"} ${span}
  OR first_trade_id < 0 OR last_trade_id < 0`,
      what: "ids and number of trades do not agree",
      shown: ["last_agg_trade_id", "agg_record_count", "first_trade_id", "last_trade_id"],
    },
    {
      code: "SIDES",
      fault: `buy_volume + sell_volume != volume OR buy_turnover + sell_turnover != turnover
  OR buy_trade_count + sell_trade_count != individual_trade_count OR ${["buy", "sell"].map(sideFault).join(" OR ")}`,
      what: "bought and sold do not make up the whole",
      shown: ["volume", "turnover", "individual_trade_count", "buy_volume", "buy_turnover", "buy_trade_count"],
    },
    {
      code: "TURNOVER",
      fault: ["buy", "sell"]
        .map(
          (side) =>
            `toInt256(low) * ${side}_volume > ${side}_turnover OR toInt256(high) * ${side}_volume < ${side}_turnover`,
        )
        .join(" OR "),
      what: "turnover is not volume at prices from low to high",
      shown: ["low", "high", "buy_volume", "buy_turnover", "sell_volume", "sell_turnover"],
    },
    {
      code: "VWAP",
      fault: "vwap != if(agg_record_count > 1 AND volume > 0, intDivOrZero(turnover, volume), open)",
      what: "vwap is not turnover / volume rounded down (of one trade: its price)",
      shown: ["vwap", "turnover", "volume"],
    },
    {
      code: "TIMES",
      fault: "close_time < open_time OR duration_us != close_time - open_time",
      what: "times and duration do not agree",
      shown: ["open_time", "close_time", "duration_us"],
    },
    {
      code: "SINGLE_TRADE",
      fault: `agg_record_count = 1 AND (first_agg_trade_id != last_agg_trade_id OR open_time != close_time OR high != open
  OR low != open OR close != open OR individual_trade_count != last_trade_id - first_trade_id + 1)`,
      what: "a bar of one trade has that trade's price, time, id and fills",
      shown: ["open", "high", "low", "close", "last_agg_trade_id", "individual_trade_count"],
    },
  ];
}

function sideFault(side: string): string {
  const [count, volume, turnover] = [`${side}_trade_count`, `${side}_volume`, `${side}_turnover`];
  return `${count} < 0 OR ${volume} < 0 OR ${turnover} < 0 OR (${count} = 0 AND (${volume} != 0 OR ${turnover} != 0))`;
}

/** How a bar ended, and what must not have ended it before. */
function endRules({ series, record }: Subject): readonly BarRule[] {
  const delta = `intDiv(toInt128(open) * ${series.threshold}, 100000)`;
  const isBeyond = `(close >= open + ${delta} OR close <= open - ${delta})`;
  const gate = sqlInteger(record.gateUnitUs);
  const isGated = record.gateUnitUs === 0n ? "false" : `intDiv(close_time, ${gate}) = intDiv(open_time, ${gate})`;
  // A trade between the first and the last one is beyond a limit only where the gate held it.
  const ungated =
    record.gateUnitUs === 0n
      ? ` OR (high >= open + ${delta} AND high != close) OR (low <= open - ${delta} AND low != close)`
      : "";
  const between = "toInt64(high != open AND high != close) + toInt64(low != open AND low != close)";
  const shown = ["open", "high", "low", "close", "agg_record_count", "duration_us"] as const;
  return [
    {
      code: "NOT_BREACHED",
      fault: `is_orphan = 0 AND NOT ${isBeyond}`,
      what: `closed inside its limits of ${series.threshold} dbps`,
      shown,
    },
    {
      code: "GATE",
      fault: `is_orphan = 0 AND ${isGated}`,
      what: "closed in the gate unit of its opening trade",
      shown,
    },
    {
      code: "BREACHED_OPEN",
      fault: `is_orphan = 1 AND ${isBeyond} AND NOT (${isGated})`,
      what: "went beyond its limits and was not closed",
      shown,
    },
    {
      code: "EXTREMES",
      fault: `(agg_record_count > 1 AND agg_record_count - 2 < ${between})${ungated}`,
      what: "high or low is the price of none of its trades",
      shown,
    },
  ];
}

/** The first ids of the stretches between holes; what a statement that uses the rules begins with. */
export function withRuns({ runs }: Subject): string {
  return `WITH CAST([${runs.map((run) => sqlInteger(run.fromId)).join(",")}], 'Array(Int64)') AS run_starts`;
}

function runOf(id: string): string {
  return `roundDown(${id}, run_starts)`;
}

/** How a bar lies in its segment and coverage. */
function placeRules({ pinned, segmentation, runs, last, quarantined }: Subject): readonly BarRule[] {
  const isOutside = (time: string): string =>
    `${time} < ${sqlInteger(pinned.parts[0].firstUs)} OR ${time} > ${sqlInteger(last.lastUs)}`;
  // Quarantined ids in front of the trade behind a hole belong to the run that it begins.
  const isNotBehindHole = `ended_by_id <= last_agg_trade_id OR ${runOf("ended_by_id")} <= last_agg_trade_id
  OR ${runOf(`${runOf("ended_by_id")} - 1`)} != ${runOf("last_agg_trade_id")} OR ended_by_id - ${runOf("ended_by_id")} > ${quarantined}`;
  return [
    {
      code: "ORPHAN",
      fault: `is_orphan > 1 OR is_orphan != (orphan_reason != 'none')
  OR orphan_reason NOT IN ('none', 'id_gap', '${segmentation}_boundary')`,
      what: "flag and reason of an orphan do not agree with each other or with the segment",
      shown: ["is_orphan", "orphan_reason"],
      storedOnly: true,
    },
    {
      code: "ENDED_BY",
      fault: `multiIf(orphan_reason = 'none', ended_by_id != last_agg_trade_id, orphan_reason = 'id_gap', ${isNotBehindHole},
  ended_by_id != ${sqlInteger(last.throughId)})`,
      what: "the id that ended it is not its last one, that behind its hole, or the segment's last one",
      shown: ["last_agg_trade_id", "ended_by_id", "orphan_reason"],
      storedOnly: true,
    },
    {
      code: "TIME_OUTSIDE_SEGMENT",
      fault: `${isOutside("open_time")} OR ${isOutside("close_time")}`,
      what: "its times are not those of the segment's trades",
      shown: ["open_time", "close_time"],
      storedOnly: true,
    },
    ...(runs.length === 1
      ? []
      : [
          {
            code: "SPANS_HOLE",
            fault: `${runOf("first_agg_trade_id")} != ${runOf("last_agg_trade_id")}`,
            what: "it goes across a hole of ids",
            shown: ["last_agg_trade_id"],
            storedOnly: true,
          } as const,
        ]),
  ];
}
