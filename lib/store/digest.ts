import { foldDigest } from "../native/index.ts";
import { digestColumns } from "./columns.generated.ts";
import type { Store } from "./store.ts";

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
  return foldDigest(await readDigestColumns(store, from), start);
}

/** What digests are folded from, in id order, as a Native body. @param from as for {@link digestOfBars} */
export async function readDigestColumns(store: Store, from: string): Promise<Buffer> {
  return readNativeBody(store, `SELECT ${digestColumns.join(", ")} FROM ${from} ORDER BY first_agg_trade_id`);
}

/** A query's whole result in ClickHouse's Native format. @param sql without its FORMAT clause */
export async function readNativeBody(store: Store, sql: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.stream(sql, "Native")) chunks.push(chunk);
  return Buffer.concat(chunks);
}
