/**
 * Inserts bars as wide rows into a new store and says how fast that went.
 * `node insert-rows.ts REQUEST` with the request as JSON; run by ../store-insert.ts in a process of its own.
 */
import { z } from "zod";
import { openEmbedded } from "../../lib/store/store.ts";
import { columns } from "../../lib/store/columns.ts";
import { wideBlocks } from "../wide-blocks.ts";

const requestSchema = z.object({
  state: z.string(),
  columns: z.number(),
  blocks: z.number(),
  blockRows: z.number(),
  files: z.array(z.object({ path: z.string(), symbol: z.string(), day: z.string() })),
});

const request = requestSchema.parse(JSON.parse(process.argv[2] ?? ""));
const noise = Array.from({ length: request.columns - columns.length }, (_, i) => `noise_${i + 1}`);
const table = "barkeep.bars_wide";
const store = await openEmbedded(request.state);
try {
  // The columns, codecs and settings of the shipped table.
  await store.command(`CREATE TABLE ${table} AS barkeep.bars`);
  for (const name of noise) await store.command(`ALTER TABLE ${table} ADD COLUMN ${name} Float64 CODEC(ZSTD(1))`);

  const blocks = await wideBlocks({ ...request, noise });
  const startMs = performance.now();
  for (const { bytes } of blocks) await store.insertNative(table, bytes);
  const seconds = (performance.now() - startMs) / 1000;

  const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
  const sentBytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0);
  const stored = z.object({ rows: z.coerce.number(), bytes: z.coerce.number() });
  const [found] = await store.rows(
    `SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts
WHERE active AND database = 'barkeep' AND table = 'bars_wide'`,
    stored,
  );
  if (found?.rows !== rows) throw new Error(`${rows} rows were sent, ${found?.rows ?? 0} are in the store`);
  process.stdout.write(`${JSON.stringify({ rows, seconds, sent_bytes: sentBytes, disk_bytes: found.bytes })}\n`);
} finally {
  await store.close();
}
