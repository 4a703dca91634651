import { z } from "zod";
import type { Store } from "../lib/store/store.ts";
import { publishBuilds } from "./publish-builds.ts";

/** Which units a made-up store holds, all of them complete: each symbol at each threshold, and years of days. */
export const completeStoreSchema = z.object({
  symbols: z.int().positive(),
  thresholds: z.array(z.int().positive()),
  firstYear: z.int(),
  lastYear: z.int(),
});
export type CompleteStore = Readonly<z.output<typeof completeStoreSchema>>;

export function symbolNames({ symbols }: CompleteStore): string[] {
  return Array.from({ length: symbols }, (_, i) => `S${i}USDT`);
}

export function unitCount({ symbols, thresholds, firstYear, lastYear }: CompleteStore): number {
  return symbols * thresholds.length * (lastYear - firstYear + 1);
}

/**
 * Fills an empty store: of each unit a row of coverage per day, as long as real ones are, by an attempt per hundred days that
 * names those before it as its base, with a checkpoint every tenth day; and one bar per row.
 */
export async function fillCompleteStore(store: Store, complete: CompleteStore): Promise<void> {
  const { symbols, thresholds, firstYear, lastYear } = complete;
  const seriesCount = symbols * thresholds.length;
  const days = `(toDate('${lastYear}-12-31') - toDate('${firstYear}-01-01') + 1)`;
  // `d` counts the days of a series, `n` those of its year.
  const rows = `(SELECT number % ${days} AS d, intDiv(number, ${days}) AS which,
  concat('range:binance/spot/S', toString(intDiv(which, ${thresholds.length})), 'USDT@', toString([${thresholds.join(", ")}][which % ${thresholds.length} + 1])) AS series,
  toDate('${firstYear}-01-01') + d AS day, toString(toYear(day)) AS segment, toInt64(toDayOfYear(day) - 1) AS n,
  intDiv(n, 100) AS before, (before + 1) * 1048576 AS attempt, toUnixTimestamp(toDateTime(day, 'UTC')) * 1000000 AS us
FROM numbers(${seriesCount} * ${days}))`;
  await store.command(`INSERT INTO barkeep.coverage (series, segment, build, attempt, part, day, day_done, from_id, through_id, first_us,
  last_us, records, fills, volume, turnover, bars, orphans, quarantined, bars_digest, source_name, source_sha256, source_revision,
  base, checkpoint, core_release)
SELECT series, segment, 1, attempt, n % 100, day, true, d * 1000, d * 1000 + 999, us, us + 86399999999, 1000, 2500,
  toInt128(d) * 1000000000, toInt128(d) * 1000000000000000000, 1, 0, 0, sipHash64(d, which),
  concat(toString(which), '-aggTrades-', toString(day), '.zip'), lower(hex(SHA256(toString(d)))), 1,
  arrayMap(i -> (i * 1048576, (toInt64(d) - n + i * 100) * 1000 - 1), range(1, before + 1)),
  if(n % 10 = 9 OR toYear(day + 1) != toYear(day), repeat('Y2hl', 100), ''), '0.1.0'
FROM ${rows}`);
  await store.command(`INSERT INTO barkeep.bars (series, segment, build, attempt, ended_by_id, first_agg_trade_id, last_agg_trade_id)
SELECT series, segment, 1, attempt, d * 1000 + 999, d * 1000, d * 1000 + 999 FROM ${rows} SETTINGS max_partitions_per_insert_block = 0`);
  await publishBuilds(store);
}
