import { z } from "zod";
import { chunks } from "../model/chunks.ts";
import { partitionText } from "./row-counts.ts";
import { sqlInteger, sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import type { BuildKey } from "./unit-key.ts";

const bigintText = z.string().transform(BigInt);

const sumsRow = z.object({
  partition: z.string(),
  rows: z.coerce.number(),
  first_id: bigintText,
  last_id: bigintText,
  ids_hash: bigintText,
  attempts_hash: bigintText,
  longest_us: bigintText,
  first_close_us: bigintText,
  last_close_us: bigintText,
  periods: z.coerce.number(),
  negative: z.coerce.number(),
});

/** What all rows of a build come to, committed or not: sums that do not depend on an order. */
export interface BarSums extends BuildKey {
  readonly rows: number;
  readonly firstId: bigint;
  readonly lastId: bigint;
  /** Σ (hash(first id) − hash(last id + 1)), modulo 2^64: of bars that follow each other all but two cancel out. */
  readonly idsHash: bigint;
  /** Σ hash(attempt), modulo 2^64. */
  readonly attemptsHash: bigint;
  /** The longest bar. */
  readonly longestUs: bigint;
  readonly firstCloseUs: bigint;
  readonly lastCloseUs: bigint;
  /** In how many periods a bar closes. */
  readonly periods: number;
  /** Bars with a volume or turnover below zero. */
  readonly negative: number;
}

const partRow = z.object({ id: z.string(), name: z.string() });
type PartRow = z.output<typeof partRow>;

/**
 * Reads every bar of some builds once, in whatever order the store has them, and sums up per build what proves them.
 * @param periodUs of {@link BarSums.periods}
 */
export async function sumBars(store: Store, builds: readonly BuildKey[], periodUs: bigint): Promise<BarSums[]> {
  if (builds.length === 0) return [];
  const parts = await store.rows(
    "SELECT DISTINCT partition_id AS id, partition AS name FROM system.parts WHERE active AND database = 'barkeep' AND table = 'bars'",
    partRow,
  );
  // A build is a partition: its name need not be read with every bar.
  const wanted = new Map(builds.map((build) => [partitionText(build), build]));
  const buildOf = new Map(parts.map(({ id, name }) => [id, wanted.get(name)]));
  const [own, others] = [parts.filter(({ name }) => wanted.has(name)), parts.filter(({ name }) => !wanted.has(name))];
  const sums: BarSums[] = [];
  for (const only of conditionsOf(own, others)) {
    for (const row of await sumsWhere(store, only, periodUs)) {
      // Made by a first commit in between: it is behind the look that named the builds.
      const build = buildOf.get(row.partition);
      if (build !== undefined) sums.push(sumsOf(build, row));
    }
  }
  return sums;
}

/** Partitions that one statement names: of each it has 36 bytes, and of 256 KiB it may be. */
const namedMost = 3_000;

/** Which rows are read: all at once where no list of partitions is too long for one statement. */
function conditionsOf(own: readonly PartRow[], others: readonly PartRow[]): string[] {
  const named = (some: readonly PartRow[]): string => some.map(({ id }) => sqlString(id)).join(", ");
  if (others.length === 0) return [""];
  if (others.length <= Math.min(own.length, namedMost)) return [`WHERE _partition_id NOT IN (${named(others)})`];
  return chunks(own, namedMost).map((some) => `WHERE _partition_id IN (${named(some)})`);
}

async function sumsWhere(store: Store, only: string, periodUs: bigint): Promise<z.output<typeof sumsRow>[]> {
  return store.rows(
    `SELECT _partition_id AS partition, count() AS rows, min(first_agg_trade_id) AS first_id, max(last_agg_trade_id) AS last_id,
  sum(intHash64(first_agg_trade_id) - intHash64(last_agg_trade_id + 1)) AS ids_hash, sum(intHash64(attempt)) AS attempts_hash,
  max(duration_us) AS longest_us, min(close_time) AS first_close_us, max(close_time) AS last_close_us,
  uniqExact(intDiv(close_time, ${sqlInteger(periodUs)})) AS periods,
  countIf(volume < 0 OR buy_volume < 0 OR sell_volume < 0 OR turnover < 0 OR buy_turnover < 0 OR sell_turnover < 0) AS negative
FROM barkeep.bars ${only} GROUP BY _partition_id`,
    sumsRow,
  );
}

function sumsOf({ series, segment, build }: BuildKey, row: z.output<typeof sumsRow>): BarSums {
  return {
    series,
    segment,
    build,
    rows: row.rows,
    firstId: row.first_id,
    lastId: row.last_id,
    idsHash: row.ids_hash,
    attemptsHash: row.attempts_hash,
    longestUs: row.longest_us,
    firstCloseUs: row.first_close_us,
    lastCloseUs: row.last_close_us,
    periods: row.periods,
    negative: row.negative,
  };
}

const mask = 0xffff_ffff_ffff_ffffn;

/** The store's hash of a 64-bit integer. */
export function intHash64(value: bigint): bigint {
  let hash = (value ^ 0x4cf2_d2ba_ae6d_a887n) & mask;
  hash ^= hash >> 33n;
  hash = (hash * 0xff51_afd7_ed55_8ccdn) & mask;
  hash ^= hash >> 33n;
  hash = (hash * 0xc4ce_b9fe_1a85_ec53n) & mask;
  return hash ^ (hash >> 33n);
}

/** A number as a 64-bit sum shows it. */
export function modulo64(value: bigint): bigint {
  return value & mask;
}
