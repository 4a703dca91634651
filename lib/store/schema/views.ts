import { barColumns, keyColumns } from "../columns.generated.ts";

/** The published build of each segment: that of the greatest pointer row, the later build where two have the same number. */
export const published = `SELECT series, segment, argMax(build, (seq, build)) AS build FROM barkeep.pointer GROUP BY series, segment`;

/**
 * Which rows of a published build exist: for each attempt of the chain the ids it holds, `lo` to `top`. The chain is the
 * greatest attempt that has coverage, behind the base it named; any other attempt's rows do not exist, whenever they
 * arrived. One row per (series, segment, build, attempt), as the join in the views needs it.
 */
export const chainQuery = `SELECT series, segment, build, link.1 AS attempt, link.2 AS lo, link.3 AS top
FROM (
  SELECT series, segment, build, arrayPushBack(base, (head, hi)) AS chain,
    arrayMap(
      (entry, i) -> (entry.1, if(i = 1, toInt64('-9223372036854775808'), chain[i - 1].2 + 1), entry.2),
      chain, arrayEnumerate(chain)
    ) AS links
  FROM (
    SELECT series, segment, build, max(attempt) AS head, argMax(base, attempt) AS base,
      argMax(through_id, (attempt, through_id)) AS hi
    FROM barkeep.coverage
    WHERE (series, segment, build) IN (${published})
    GROUP BY series, segment, build
  )
)
ARRAY JOIN links AS link`;

/** Every build that was ever published: what the pointer may show next, too. */
const everPublished = "SELECT series, segment, build FROM barkeep.pointer";

/**
 * Without the IN filter on the partition's columns the engine would read every partition. It holds every build that was ever
 * published, not the present one: the engine works the two sides out one after the other, and a pointer that moves in between
 * would show a segment without bars.
 */
function chainFilter(table: string, id: string, atItsBeginning: string): string {
  return `INNER JOIN (${chainQuery}) AS c
  ON ${table}.series = c.series AND ${table}.segment = c.segment AND ${table}.build = c.build AND ${table}.attempt = c.attempt
WHERE (${table}.${id} BETWEEN c.lo AND c.top OR (${table}.${id} = c.lo - 1 AND ${atItsBeginning})) AND (${table}.series, ${table}.segment, ${table}.build) IN (${everPublished})`;
}

/** Named one by one: behind `b.*` a view's columns could not be reached by name. */
const columnsOf = (table: string, names: readonly string[]): string =>
  names.map((name) => `${table}.${name} AS ${name}`).join(", ");

/**
 * An attempt may find that a segment ended where its base does, for lack of further archives: it commits no ids of its own,
 * only the orphan of the boundary and a coverage row of an empty interval.
 */
const endsThere = {
  bars: "b.orphan_reason NOT IN ('none', 'id_gap')",
  coverage: "v.from_id > v.through_id",
} as const;

const barsPublished = `CREATE OR REPLACE VIEW barkeep.bars_published AS
SELECT ${columnsOf("b", [...keyColumns, ...barColumns])}
FROM barkeep.bars AS b ${chainFilter("b", "ended_by_id", endsThere.bars)}`;

/** Columns of coverage in table order. */
export const coverageColumns = [
  "series",
  "segment",
  "build",
  "attempt",
  "part",
  "day",
  "day_done",
  "from_id",
  "through_id",
  "first_us",
  "last_us",
  "records",
  "fills",
  "volume",
  "turnover",
  "bars",
  "orphans",
  "quarantined",
  "bars_digest",
  "source_name",
  "source_sha256",
  "source_revision",
  "base",
  "checkpoint",
  "core_release",
  "committed_at",
] as const;

const coveragePublished = `CREATE OR REPLACE VIEW barkeep.coverage_published AS
SELECT ${columnsOf("v", coverageColumns)}
FROM barkeep.coverage AS v ${chainFilter("v", "through_id", endsThere.coverage)}`;

const localHour = (zone: string): string => `toHour(toTimeZone(opened, '${zone}'))`;

/** Annotation: the exchange's local hour lies in its session and its local day is Monday to Friday. */
const session = (zone: string, from: number, to: number): string =>
  `toUInt8(toDayOfWeek(toTimeZone(opened, '${zone}')) <= 5 AND ${localHour(zone)} >= ${from} AND ${localHour(zone)} < ${to})`;

/** The older table's names and units over the published bars: decimals as floats, milliseconds, no orphans. */
const rangeBars = `CREATE OR REPLACE VIEW barkeep.range_bars AS
SELECT
  extract(CAST(series, 'String'), '/([A-Z0-9_]+)@') AS symbol,
  toUInt32(extract(CAST(series, 'String'), '@([0-9]+)$')) AS threshold_decimal_bps,
  multiIf(startsWith(segment, 'w'), 'week', length(segment) = 4, 'year', 'month') AS ouroboros_mode,
  intDiv(open_time, 1000) AS open_time_ms,
  intDiv(close_time, 1000) AS close_time_ms,
  ${["open", "high", "low", "close", "volume", "vwap", "buy_volume", "sell_volume"]
    .map((name) => `toFloat64(b.${name}) / 1e8 AS ${name}`)
    .join(",\n  ")},
  toUInt32(b.individual_trade_count) AS individual_trade_count,
  toUInt32(b.agg_record_count) AS agg_record_count,
  ${[
    "duration_us",
    "ofi",
    "vwap_close_deviation",
    "price_impact",
    "kyle_lambda_proxy",
    "trade_intensity",
    "volume_per_trade",
    "aggression_ratio",
    "aggregation_density",
    "turnover_imbalance",
    "first_agg_trade_id",
    "last_agg_trade_id",
  ]
    .map((name) => `b.${name} AS ${name}`)
    .join(",\n  ")},
  ${session("Australia/Sydney", 10, 16)} AS exchange_session_sydney,
  ${session("Asia/Tokyo", 9, 15)} AS exchange_session_tokyo,
  ${session("Europe/London", 8, 17)} AS exchange_session_london,
  ${session("America/New_York", 10, 16)} AS exchange_session_newyork,
  toUInt8(
    toInt128(b.high - b.low) * 10000 >= toInt128(b.open) * threshold_decimal_bps
    AND b.duration_us > 0 AND b.duration_us <= 100000
  ) AS is_liquidation_cascade
FROM (SELECT *, fromUnixTimestamp64Micro(open_time, 'UTC') AS opened FROM barkeep.bars_published WHERE is_orphan = 0) AS b`;

/** Statements that make every view from the present tables. */
export function viewStatements(): readonly string[] {
  return [barsPublished, coveragePublished, rangeBars];
}
