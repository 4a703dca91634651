/**
 * Mirrors made-up coverage of a new store into a new ledger, twice, and inserts the same rows into a bare SQLite table.
 * `node sync-rows.ts REQUEST` with the request as JSON; run by ../ledger-sync.ts in a process of its own.
 */
import { join } from "node:path";
import Database from "better-sqlite3";
import { z } from "zod";
import { storedRows, storedSums } from "../../lib/ledger/coverage-source.ts";
import { openLedger, syncLedger } from "../../lib/ledger/index.ts";
import { mirrorColumns } from "../../lib/ledger/mirror-columns.ts";
import { openEmbedded, type Store } from "../../lib/store/store.ts";

const requestSchema = z.object({ state: z.string(), rows: z.int().positive(), rowsPerUnit: z.int().positive() });

const request = requestSchema.parse(JSON.parse(process.argv[2] ?? ""));
const { state, rows, rowsPerUnit } = request;
const transactionRows = 5_000;

/** Attempts of a hundred commits each, a checkpoint on every tenth row; as long as real rows are. */
async function makeCoverage(store: Store): Promise<void> {
  await store.command(`INSERT INTO barkeep.coverage (series, segment, build, attempt, part, day, day_done, from_id, through_id, first_us,
  last_us, records, fills, volume, turnover, bars, orphans, quarantined, bars_digest, source_name, source_sha256, source_revision,
  base, checkpoint, core_release)
SELECT concat('range:binance/spot/S', toString(intDiv(number, ${rowsPerUnit})), 'USDT@250') AS series, '2024', 1,
  (intDiv(number % ${rowsPerUnit}, 100) + 1) * 1048576 AS attempt, number % 100, toDate('2024-01-01') + number % 366, true,
  number * 1000, number * 1000 + 999, 1704067200000000 + number, 1704067200000999 + number, 1000, 2500, toInt128(number) * 1000000000,
  toInt128(number) * 1000000000000000000, 10, 0, 0, sipHash64(number), 'BTCUSDT-aggTrades-2024-01-01.zip',
  lower(hex(SHA256(toString(number)))), 1, [(attempt - 1048576, toInt64(number))], if(number % 10 = 9, repeat('Y2hl', 100), ''), '0.1.0'
FROM numbers(${rows})`);
}

async function sync(store: Store): Promise<{ readonly seconds: number; readonly mirrored: number }> {
  using ledger = openLedger(state);
  const startMs = performance.now();
  const result = await syncLedger(ledger, store, new AbortController().signal);
  return { seconds: (performance.now() - startMs) / 1000, mirrored: result.mirrored.rows };
}

/** The inserts alone: the rows come from the store as they do for a sync, and that is not counted. */
async function insertPlainly(store: Store): Promise<number> {
  const database = new Database(join(state, "bare.sqlite"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  const names = mirrorColumns.map(({ name }) => name);
  database.exec(`CREATE TABLE bare (unit TEXT, ${names.join(", ")})`);
  const insert = database.prepare(`INSERT INTO bare VALUES (?${", ?".repeat(names.length)})`);
  let ms = 0;
  const wanted = (await storedSums(store)).map((unit) => ({ unit, after: undefined }));
  for await (const list of storedRows(store, wanted, transactionRows)) {
    const startMs = performance.now();
    database.transaction(() => {
      for (const { unit, fields } of list) insert.run(unit, ...fields);
    })();
    ms += performance.now() - startMs;
  }
  database.close();
  return ms / 1000;
}

const store = await openEmbedded(state);
try {
  await makeCoverage(store);
  const first = await sync(store);
  if (first.mirrored !== rows) throw new Error(`${first.mirrored} of ${rows} rows were mirrored`);
  const again = await sync(store);
  const plain = await insertPlainly(store);
  const answer = { first_seconds: first.seconds, again_seconds: again.seconds, plain_seconds: plain };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
} finally {
  await store.close();
}
