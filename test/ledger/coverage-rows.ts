import type { Store } from "../../lib/store/index.ts";

/** A coverage row of a made-up unit; what is not given has one value. */
export interface MadeUpRow {
  readonly series: string;
  readonly segment?: string;
  readonly build?: number;
  readonly attempt: bigint;
  readonly part: number;
  /** Tells two rows of one key apart. */
  readonly bars?: number;
  readonly barsDigest?: bigint;
  readonly checkpoint?: string;
  readonly sourceName?: string;
}

/** The series of a made-up unit. */
export function madeUpSeries(number: number): string {
  return `range:binance/spot/MADE${number}USDT@250`;
}

/** Writes coverage rows into a store, as commits would: no bars belong to them. */
export async function insertCoverage(store: Store, rows: readonly MadeUpRow[]): Promise<void> {
  await store.insertRows(
    "barkeep.coverage",
    rows.map((row) => ({
      series: row.series,
      segment: row.segment ?? "2024",
      build: row.build ?? 1,
      attempt: row.attempt.toString(),
      part: row.part,
      day: "2024-01-01",
      day_done: true,
      from_id: (1000n * row.attempt + BigInt(row.part)).toString(),
      through_id: (1000n * row.attempt + BigInt(row.part)).toString(),
      first_us: "1704067200000000",
      last_us: "1704067200000001",
      records: "1",
      fills: "1",
      volume: "-170141183460469231731687303715884105728",
      turnover: "170141183460469231731687303715884105727",
      bars: String(row.bars ?? 1),
      orphans: "0",
      quarantined: "0",
      bars_digest: (row.barsDigest ?? 18446744073709551615n).toString(),
      source_name: row.sourceName ?? "MADE.zip",
      source_sha256: "ab".repeat(32),
      source_revision: 1,
      base: [{ attempt: "7", through_id: "-3" }],
      checkpoint: row.checkpoint ?? "",
      core_release: "0.0.0",
      committed_at: "2024-01-02 00:00:00.123",
    })),
  );
}

/** Takes rows away, as a store restored from an older copy lacks them. */
export async function removeCoverage(store: Store, condition: string): Promise<void> {
  await store.command(`ALTER TABLE barkeep.coverage DELETE WHERE ${condition} SETTINGS mutations_sync = 2`);
}
