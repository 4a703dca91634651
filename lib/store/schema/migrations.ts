import type { Move } from "./move.ts";

/** A step of the schema's history. Never edited once released: later changes are later migrations. It only adds. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Run in order, one call each; every one may run again. */
  readonly statements: readonly string[];
  /** Rows brought into tables that the statements have made. */
  readonly moves?: readonly Move[];
}

/** An acknowledged insert is on disk, the folder's entry too. */
const durable = "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";

const bars = `CREATE TABLE IF NOT EXISTS barkeep.bars (
  series LowCardinality(String) CODEC(ZSTD(1)),
  segment LowCardinality(String) CODEC(ZSTD(1)),
  build UInt32 CODEC(ZSTD(1)),
  attempt UInt64 CODEC(ZSTD(1)),
  ended_by_id Int64 CODEC(Delta, ZSTD(1)),
  open_time Int64 CODEC(Delta, ZSTD(1)),
  close_time Int64 CODEC(Delta, ZSTD(1)),
  open Int64 CODEC(Delta, ZSTD(1)),
  high Int64 CODEC(Delta, ZSTD(1)),
  low Int64 CODEC(Delta, ZSTD(1)),
  close Int64 CODEC(Delta, ZSTD(1)),
  volume Int128 CODEC(ZSTD(1)),
  turnover Int128 CODEC(ZSTD(1)),
  buy_volume Int128 CODEC(ZSTD(1)),
  sell_volume Int128 CODEC(ZSTD(1)),
  buy_turnover Int128 CODEC(ZSTD(1)),
  sell_turnover Int128 CODEC(ZSTD(1)),
  first_trade_id Int64 CODEC(Delta, ZSTD(1)),
  last_trade_id Int64 CODEC(Delta, ZSTD(1)),
  first_agg_trade_id Int64 CODEC(Delta, ZSTD(1)),
  last_agg_trade_id Int64 CODEC(Delta, ZSTD(1)),
  individual_trade_count Int64 CODEC(T64, ZSTD(1)),
  agg_record_count Int64 CODEC(T64, ZSTD(1)),
  buy_trade_count Int64 CODEC(T64, ZSTD(1)),
  sell_trade_count Int64 CODEC(T64, ZSTD(1)),
  vwap Int64 CODEC(Delta, ZSTD(1)),
  duration_us Int64 CODEC(T64, ZSTD(1)),
  ofi Float64 CODEC(ZSTD(1)),
  vwap_close_deviation Float64 CODEC(ZSTD(1)),
  price_impact Float64 CODEC(ZSTD(1)),
  kyle_lambda_proxy Float64 CODEC(ZSTD(1)),
  trade_intensity Float64 CODEC(ZSTD(1)),
  volume_per_trade Float64 CODEC(ZSTD(1)),
  aggression_ratio Float64 CODEC(ZSTD(1)),
  aggregation_density Float64 CODEC(ZSTD(1)),
  turnover_imbalance Float64 CODEC(ZSTD(1)),
  is_orphan UInt8 CODEC(ZSTD(1)),
  orphan_reason Enum8('none' = 0, 'year_boundary' = 1, 'month_boundary' = 2, 'week_boundary' = 3, 'id_gap' = 4) CODEC(ZSTD(1))
) ENGINE = MergeTree
PARTITION BY (series, segment, build)
ORDER BY (series, segment, build, first_agg_trade_id, attempt)
${durable}`;

/**
 * One row per unit and source day (or part of one) that was committed. `base` is the chain of (attempt, up to id) that
 * the row's attempt continues from; `checkpoint` is base64, on the last row of a unit's commit and empty elsewhere.
 */
const coverage = `CREATE TABLE IF NOT EXISTS barkeep.coverage (
  series LowCardinality(String),
  segment LowCardinality(String),
  build UInt32,
  attempt UInt64,
  part UInt32,
  day Date,
  day_done Bool,
  from_id Int64,
  through_id Int64,
  first_us Int64,
  last_us Int64,
  records UInt64,
  fills UInt64,
  volume Int128,
  turnover Int128,
  bars UInt64,
  orphans UInt64,
  quarantined UInt64,
  bars_digest UInt64,
  source_name String,
  source_sha256 String,
  source_revision UInt32,
  base Array(Tuple(attempt UInt64, through_id Int64)),
  checkpoint String CODEC(ZSTD(1)),
  core_release LowCardinality(String),
  committed_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (series, segment, build, attempt, part)
${durable}`;

/** What each build's bytes depend on; written when its first unit is opened. */
const builds = `CREATE TABLE IF NOT EXISTS barkeep.builds (
  series LowCardinality(String),
  segment LowCardinality(String),
  build UInt32,
  bar_version UInt32,
  feature_profile LowCardinality(String),
  gate_unit_us Int64,
  segmentation LowCardinality(String),
  first_day Date,
  release LowCardinality(String),
  created_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (series, segment, build)
${durable}`;

/** Which build of a segment is published: the row with the greatest seq. */
const pointer = `CREATE TABLE IF NOT EXISTS barkeep.pointer (
  series LowCardinality(String),
  segment LowCardinality(String),
  build UInt32,
  seq UInt64,
  reason LowCardinality(String),
  at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (series, segment, seq)
${durable}`;

/**
 * Who writes which build. A lease is its attempt's newest row; only ever added to. Times are the store's, so that holders
 * on hosts with other clocks agree.
 */
const leases = `CREATE TABLE IF NOT EXISTS barkeep.leases (
  series LowCardinality(String),
  segment LowCardinality(String),
  build UInt32,
  attempt UInt64,
  event Enum8('taken' = 1, 'renewed' = 2, 'released' = 3),
  host String,
  pid UInt32,
  process_start String,
  command String,
  at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (series, segment, build, attempt, at)
TTL toDateTime(at) + INTERVAL 90 DAY
${durable}`;

/** Rights to move a pointer: taken before the audit, spent with the pointer row that carries the same number. */
const claims = `CREATE TABLE IF NOT EXISTS barkeep.claims (
  series LowCardinality(String),
  segment LowCardinality(String),
  seq UInt64,
  build UInt32,
  at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (series, segment, seq)
${durable}`;

/** Which store this is, so that a ledger is not mixed with another store's. The oldest row counts. */
const identity = `CREATE TABLE IF NOT EXISTS barkeep.identity (
  id UUID DEFAULT generateUUIDv4(),
  created_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY (created_at, id)
${durable}`;

/**
 * What was done about gaps: one row for each gap that a repair was begun for, written when it has been looked for again. Before and
 * after are the unit's published build; 0 and empty where nothing was published.
 */
const repairs = `CREATE TABLE IF NOT EXISTS barkeep.repairs (
  series LowCardinality(String),
  segment LowCardinality(String),
  gap_kind LowCardinality(String),
  priority LowCardinality(String),
  from_day Date,
  through_day Date,
  from_id Nullable(Int64),
  through_id Nullable(Int64),
  reason String,
  action LowCardinality(String),
  result LowCardinality(String),
  code LowCardinality(String),
  message String,
  try_number UInt32,
  build_before UInt32,
  build_after UInt32,
  records_before UInt64,
  records_after UInt64,
  bars_before UInt64,
  bars_after UInt64,
  through_id_before Int64,
  through_id_after Int64,
  digest_before UInt64,
  digest_after UInt64,
  host String,
  pid UInt32,
  release LowCardinality(String),
  started_at DateTime64(3, 'UTC'),
  ended_at DateTime64(3, 'UTC')
) ENGINE = MergeTree
ORDER BY (started_at, series, segment, gap_kind, from_day)
${durable}`;

export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: "bars, coverage, builds, pointer",
    statements: [
      "CREATE DATABASE IF NOT EXISTS barkeep",
      `CREATE TABLE IF NOT EXISTS barkeep.schema_migrations (
  version UInt32,
  name String,
  applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = MergeTree
ORDER BY version
${durable}`,
      bars,
      coverage,
      builds,
      pointer,
    ],
  },
  {
    version: 2,
    name: "leases, rights to publish, the store's identity",
    statements: [
      leases,
      claims,
      identity,
      "INSERT INTO barkeep.identity (id) SELECT generateUUIDv4() WHERE (SELECT count() FROM barkeep.identity) = 0",
      "ALTER TABLE barkeep.builds ADD COLUMN IF NOT EXISTS reason String DEFAULT 'first build'",
      "ALTER TABLE barkeep.pointer ADD COLUMN IF NOT EXISTS held Bool DEFAULT false",
      "ALTER TABLE barkeep.schema_migrations ADD COLUMN IF NOT EXISTS counts Map(String, UInt64)",
    ],
  },
  { version: 3, name: "the repair log", statements: [repairs] },
];
