import { z } from "zod";
import type { Store } from "../lib/store/store.ts";
import { publishBuilds } from "./publish-builds.ts";

/** A made-up store whose series are whole: years of days, of each day a coverage row and as many bars. */
export const gapStoreSchema = z.object({
  symbols: z.int().positive(),
  thresholds: z.array(z.int().positive()),
  firstYear: z.int(),
  lastYear: z.int(),
  barsPerDay: z.int().positive(),
});
export type GapStore = Readonly<z.output<typeof gapStoreSchema>>;

/** A bar holds as many trades. */
const idsPerBar = 10;

export function daysOf({ firstYear, lastYear }: Pick<GapStore, "firstYear" | "lastYear">): number {
  return (Date.UTC(lastYear + 1, 0, 1) - Date.UTC(firstYear, 0, 1)) / 86_400_000;
}

export function seriesCount({ symbols, thresholds }: GapStore): number {
  return symbols * thresholds.length;
}

/**
 * Fills an empty store. A year is a unit, an attempt holds a hundred days and names those before it as its base, as months of
 * commits leave it. Bars follow each other by id, time and price without a break.
 */
export async function fillGapStore(store: Store, of: GapStore): Promise<void> {
  const { thresholds, firstYear, barsPerDay } = of;
  const days = daysOf(of);
  const idsPerDay = barsPerDay * idsPerBar;
  const series = (which: string): string =>
    `concat('range:binance/spot/S', toString(intDiv(${which}, ${thresholds.length})), 'USDT@', toString([${thresholds.join(", ")}][${which} % ${thresholds.length} + 1]))`;
  // `d` counts the days of a series, `n` those of its year.
  const dayColumns = `toDate('${firstYear}-01-01') + d AS day, toString(toYear(day)) AS segment, toInt64(toDayOfYear(day) - 1) AS n,
  intDiv(n, 100) AS before, (before + 1) * 1048576 AS attempt, toInt64(toUnixTimestamp(toDateTime(day, 'UTC'))) * 1000000 AS us`;
  await store.command(`INSERT INTO barkeep.coverage (series, segment, build, attempt, part, day, day_done, from_id, through_id, first_us,
  last_us, records, fills, volume, turnover, bars, orphans, quarantined, bars_digest, source_name, source_sha256, source_revision,
  base, checkpoint, core_release)
SELECT series, segment, 1, attempt, n % 100, day, true, d * ${idsPerDay}, (d + 1) * ${idsPerDay} - 1, us, us + 86399999999,
  ${idsPerDay}, ${idsPerDay}, toInt128(${idsPerDay}) * 1000, toInt128(${idsPerDay}) * 1000000, ${barsPerDay}, 0, 0,
  sipHash64(d, which), concat(toString(which), '-aggTrades-', toString(day), '.zip'), lower(hex(SHA256(toString(d)))), 1,
  arrayMap(i -> (i * 1048576, (toInt64(d) - n + i * 100) * ${idsPerDay} - 1), range(1, before + 1)), '', '0.1.0'
FROM (SELECT toInt64(number % ${days}) AS d, intDiv(number, ${days}) AS which, ${series("which")} AS series, ${dayColumns}
  FROM numbers(${seriesCount(of) * days}))`);
  for (let which = 0; which < seriesCount(of); which += 1) {
    await store.command(`INSERT INTO barkeep.bars (series, segment, build, attempt, ended_by_id, first_agg_trade_id, last_agg_trade_id,
  open_time, close_time, duration_us, open, high, low, close, volume, turnover, buy_volume, sell_volume, buy_turnover, sell_turnover,
  agg_record_count, individual_trade_count)
SELECT ${series(`${which}`)}, segment, 1, attempt, id + ${idsPerBar - 1}, id, id + ${idsPerBar - 1}, opened, opened + step - 1, step - 1,
  price, price + 10, price - 10, price + 5, 1000, 1000000, 500, 500, 500000, 500000, ${idsPerBar}, ${idsPerBar}
FROM (SELECT toInt64(intDiv(number, ${barsPerDay})) AS d, toInt64(number) * ${idsPerBar} AS id, ${dayColumns},
  intDiv(86400000000, ${barsPerDay}) AS step, us + toInt64(number % ${barsPerDay}) * step AS opened,
  6000000000000 + toInt64(sipHash64(number) % 1000000000) AS price FROM numbers(${days * barsPerDay}))
SETTINGS max_partitions_per_insert_block = 0`);
  }
  await publishBuilds(store);
}

/** The older program's table, with the columns that its statements read, and the same bars in it. */
export async function fillOlderTable(store: Store): Promise<void> {
  await store.command(`CREATE TABLE barkeep.older_bars (
  symbol LowCardinality(String), threshold_decimal_bps UInt32, ouroboros_mode LowCardinality(String), close_time_ms Int64,
  open Float64, close Float64, duration_us Int64, first_agg_trade_id Int64, last_agg_trade_id Int64, computed_at DateTime64(3)
) ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY (symbol, threshold_decimal_bps, toYYYYMM(fromUnixTimestamp64Milli(close_time_ms, 'UTC')))
ORDER BY (symbol, threshold_decimal_bps, ouroboros_mode, close_time_ms)`);
  await store.command(`INSERT INTO barkeep.older_bars
SELECT extract(CAST(series, 'String'), '/([A-Z0-9]+)@'), toUInt32(extract(CAST(series, 'String'), '@([0-9]+)$')), 'year',
  intDiv(close_time, 1000), open / 1e8, close / 1e8, duration_us, first_agg_trade_id, last_agg_trade_id, now64(3)
FROM barkeep.bars SETTINGS max_partitions_per_insert_block = 0, max_insert_threads = 1`);
}

/** The condition that names each pair. */
export function olderPairs({ symbols, thresholds }: GapStore): string[] {
  return Array.from({ length: symbols }, (_, i) =>
    thresholds.map(
      (threshold) => `symbol = 'S${i}USDT' AND threshold_decimal_bps = ${threshold} AND ouroboros_mode = 'year'`,
    ),
  ).flat();
}

/** What the older program asks of each pair: coverage, long times and steps of price, and ids. */
export function olderStatements(pair: string): string[] {
  const from = `FROM barkeep.older_bars FINAL WHERE ${pair}`;
  const order = "OVER (ORDER BY close_time_ms ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)";
  return [
    `SELECT count() AS bars, min(close_time_ms) AS first, max(close_time_ms) AS last ${from}`,
    `SELECT * FROM (SELECT close_time_ms, lagInFrame(close_time_ms) ${order} AS before_ms, open, lagInFrame(close) ${order} AS before_close ${from})
WHERE before_ms > 0 AND (close_time_ms - before_ms >= 21600000 OR abs(open - before_close) / before_close * 10000 >= 5000)`,
    `SELECT * FROM (SELECT first_agg_trade_id AS id, lagInFrame(last_agg_trade_id) ${order} AS before_id, lagInFrame(close_time_ms) ${order} AS before_ms ${from})
WHERE before_ms > 0 AND id - before_id - 1 != 0`,
  ];
}
