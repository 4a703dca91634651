import { foldDigest } from "../native/index.ts";
import type { Store } from "./store.ts";

/** The columns of a bar's digest, in its order. */
export const digestColumns = [
  "open_time",
  "close_time",
  "open",
  "high",
  "low",
  "close",
  "volume",
  "turnover",
  "buy_volume",
  "sell_volume",
  "buy_turnover",
  "sell_turnover",
  "first_trade_id",
  "last_trade_id",
  "first_agg_trade_id",
  "last_agg_trade_id",
  "individual_trade_count",
  "agg_record_count",
  "buy_trade_count",
  "sell_trade_count",
  "vwap",
] as const;

/**
 * Digest of stored bars in id order.
 * @param from what follows FROM: a table or view with its conditions; at most about 200,000 rows, which are held in memory
 * @param start the digest of the bars before them
 */
export async function digestOfBars(
  store: Store,
  from: string,
  start?: bigint,
): Promise<{ readonly digest: bigint; readonly rows: bigint }> {
  const body = await readNativeBody(
    store,
    `SELECT ${digestColumns.join(", ")} FROM ${from} ORDER BY first_agg_trade_id`,
  );
  return foldDigest(body, start);
}

/** A query's whole result in ClickHouse's Native format. @param sql without its FORMAT clause */
export async function readNativeBody(store: Store, sql: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.stream(sql, "Native")) chunks.push(chunk);
  return Buffer.concat(chunks);
}
