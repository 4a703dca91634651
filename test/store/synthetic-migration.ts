import { versionOf } from "../../lib/store/schema/migrate.ts";
import { migrations, type Migration } from "../../lib/store/schema/migrations.ts";

/** What a release to come might do: a column more, and a table filled from the bars, partitioned as they are. */
export const synthetic: Migration = {
  version: versionOf() + 1,
  name: "the range of every bar",
  statements: [
    `CREATE TABLE IF NOT EXISTS barkeep.ranges (
  series LowCardinality(String),
  segment LowCardinality(String),
  build UInt32,
  attempt UInt64,
  first_agg_trade_id Int64,
  width Int64
) ENGINE = MergeTree
PARTITION BY (series, segment, build)
ORDER BY (series, segment, build, first_agg_trade_id, attempt)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1`,
    "ALTER TABLE barkeep.coverage ADD COLUMN IF NOT EXISTS remark String",
  ],
  moves: [
    {
      from: "barkeep.bars",
      into: "barkeep.ranges",
      columns: {
        series: "series",
        segment: "segment",
        build: "build",
        attempt: "attempt",
        first_agg_trade_id: "first_agg_trade_id",
        width: "high - low",
      },
      key: ["attempt", "first_agg_trade_id"],
    },
  ],
};

/** The migrations of the release to come. */
export const withSynthetic: readonly Migration[] = [...migrations, synthetic];
