import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { z } from "zod";
import type { Command } from "../../lib/command/index.ts";
import { addDays } from "../../lib/model/day.ts";
import { openStore, type Store } from "../../lib/store/store.ts";
import exportBars from "../../ops/export-bars.ts";
import gc from "../../ops/gc.ts";
import populateCommand from "../../ops/populate.ts";
import rebuild from "../../ops/rebuild.ts";
import status from "../../ops/status.ts";
import undo from "../../ops/undo.ts";
import verify from "../../ops/verify.ts";
import { ran, type Ran } from "../command/run.ts";
import { Bench, newState, type SeriesSeen } from "../rig/bench.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { projectRoot } from "./run.ts";

const bench = new Bench({ days: 4 });
const tables = ["bars", "coverage", "builds", "pointer", "leases"] as const;
const beside = newState();
let served: ServedStoreProcess;
let store: Store;
/** What a run that nothing happens to ends with. */
let whole: readonly SeriesSeen[];

/** A populate of the served store; its mirror and ledger stand elsewhere. */
async function populate(extra: readonly string[] = []): Promise<Ran> {
  return ran(populateCommand, bench.populateWords(["--state", beside, ...extra]).slice(1), served.env);
}

/** Another command of the same store. */
async function look(command: Command, words: readonly string[]): Promise<Ran> {
  const places = ["--state", beside, "--symbols", bench.symbols, "--archive", bench.archive.root];
  return ran(command, [...words, ...places], served.env);
}

const twoDays = ["--end-date", addDays(bench.firstDay, 1)];

before(async () => {
  whole = await bench.cleanStatus();
  served = await ServedStoreProcess.start(newState());
  const { url, user, password } = served;
  store = await openStore({ stateDirectory: "unused", url, user, password });
  // Two commits, so that there is an earlier checkpoint.
  assert.equal((await populate(["--end-date", bench.firstDay])).code, 0);
  assert.equal((await populate(twoDays)).code, 0);
  for (const table of tables) {
    await store.command(`CREATE TABLE default.${table} AS barkeep.${table} ENGINE = Memory`);
    await store.command(`INSERT INTO default.${table} SELECT * FROM barkeep.${table}`);
  }
});
after(async () => {
  await store.close();
  await served.stop();
});
beforeEach(async () => restore("*"));

/** Puts the two days back as they were built. @param columns what is selected from the copy of coverage */
async function restore(columns: string): Promise<void> {
  for (const table of tables) {
    await store.command(`TRUNCATE TABLE barkeep.${table}`);
    const selected = table === "coverage" ? columns : "*";
    await store.command(`INSERT INTO barkeep.${table} SELECT ${selected} FROM default.${table}`);
  }
}

/** The last coverage row, changed. */
const isLast = "through_id = (SELECT max(through_id) FROM default.coverage)";

function lastWith(column: string, value: string): string {
  return `* REPLACE (if(${isLast}, ${value}, ${column}) AS ${column})`;
}

const tampered: readonly (readonly [what: string, columns: string, code: RegExp])[] = [
  [
    "one bit of the checkpoint",
    lastWith(
      "checkpoint",
      "base64Encode(concat(char(bitXor(ascii(base64Decode(checkpoint)), 1)), substring(base64Decode(checkpoint), 2)))",
    ),
    /CHECKPOINT_(CORRUPT|VERSION)/,
  ],
  ["no checkpoint", lastWith("checkpoint", "''"), /CHECKPOINT_CORRUPT/],
  [
    "an earlier commit's checkpoint",
    lastWith("checkpoint", "(SELECT argMin(checkpoint, through_id) FROM default.coverage)"),
    /CHECKPOINT_MISMATCH/,
  ],
  ["coverage that ends before its checkpoint", lastWith("through_id", "through_id - 1"), /CHECKPOINT_AHEAD/],
  ["coverage of other bars", lastWith("bars_digest", "bars_digest + 1"), /CHECKPOINT_MISMATCH/],
];
for (const [what, columns, code] of tampered) {
  test(`${what}: populate does not go on from it, exit 2, nothing is written`, async () => {
    await restore(columns);
    const outcome = await populate();
    assert.equal(outcome.code, 2, outcome.stderr);
    assert.match(outcome.stderr, code);
    assert.match(outcome.stderr, /BTCUSDT@50:2024/);
    assert.match(outcome.stderr, /barkeep rebuild BTCUSDT@50:2024/);
    const counted = z.object({ rows: z.coerce.number() });
    for (const table of ["bars", "coverage"]) {
      const rows = async (of: string): Promise<unknown> =>
        store.rows(`SELECT count() AS rows FROM ${of}.${table}`, counted);
      assert.deepEqual(await rows("barkeep"), await rows("default"), table);
    }
  });
}

test("what a tampered checkpoint's message says to do makes the unit whole", async () => {
  await restore(lastWith("checkpoint", "''"));
  const rebuilt = await look(rebuild, ["BTCUSDT@50:2024", "--reason", "damaged checkpoint"]);
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  assert.equal((await populate()).code, 0);
  assert.deepEqual(await bench.status(served.env), whole);
});

/** The later a row was written, the earlier its time; and all of it lies in the future. */
function time(order: string): string {
  return `toDateTime64('2199-01-01 00:00:00', 3, 'UTC') - toIntervalHour(${order})`;
}

test("times that run backwards in the store decide nothing: the same is read, gone on with, rebuilt and undone", async () => {
  const before = await bench.status(served.env);
  await restore(`* REPLACE (${time("intDiv(through_id, 100)")} AS committed_at)`);
  for (const [table, column, order] of [
    ["builds", "created_at", "build"],
    ["pointer", "at", "seq"],
    ["leases", "at", "toUInt32(intDiv(attempt, 1048576)) * 3 + toUInt8(event)"],
  ] as const) {
    await store.command(`TRUNCATE TABLE barkeep.${table}`);
    await store.command(
      `INSERT INTO barkeep.${table} SELECT * REPLACE (${time(order)} AS ${column}) FROM default.${table}`,
    );
  }
  assert.deepEqual(await bench.status(served.env), before);
  const rest = await populate();
  assert.equal(rest.code, 0, rest.stderr);
  assert.deepEqual(await bench.status(served.env), whole);
  const rebuilt = await look(rebuild, ["all", "--reason", "clock"]);
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  assert.deepEqual(await bench.status(served.env), whole);
  const undone = await look(undo, ["BTCUSDT@50:2024#2"]);
  assert.equal(undone.code, 0, undone.stderr);
  assert.deepEqual(await bench.status(served.env), whole);
});

test("a lease of another host from before the store's clock went back keeps nobody out", async () => {
  const lease = "toUInt64(9 * 1048576) AS attempt, 'taken' AS event, 'elsewhere' AS host";
  await store.command(
    `INSERT INTO barkeep.leases SELECT * REPLACE (${lease}, now64(3) + INTERVAL 5 HOUR AS at) FROM default.leases LIMIT 1`,
  );
  const outcome = await populate();
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.deepEqual(await bench.status(served.env), whole);
});

test("an older cache on the same server keeps every byte, and no statement of ours names it", async () => {
  await store.command("CREATE DATABASE rangebar_cache");
  await store.command(
    `CREATE TABLE rangebar_cache.range_bars (symbol LowCardinality(String), threshold_decimal_bps UInt32, timestamp_ms Int64, open Float64)
ENGINE = ReplacingMergeTree(timestamp_ms) PARTITION BY (symbol, threshold_decimal_bps) ORDER BY (symbol, threshold_decimal_bps, timestamp_ms)`,
  );
  await store.command(
    "INSERT INTO rangebar_cache.range_bars SELECT 'BTCUSDT', 50, number, number / 7 FROM numbers(1000)",
  );
  const lookRow = z.record(z.string(), z.unknown());
  const cacheNow = async (): Promise<unknown> => [
    await store.rows("SELECT create_table_query FROM system.tables WHERE database = 'rangebar_cache'", lookRow),
    await store.rows(
      "SELECT name, rows, hash_of_all_files, toString(modification_time) AS modified FROM system.parts WHERE database = 'rangebar_cache'",
      lookRow,
    ),
    await store.rows("SELECT toString(groupBitXor(cityHash64(*))) AS rows FROM rangebar_cache.range_bars", lookRow),
  ];
  const before = await cacheNow();
  assert.equal((await populate()).code, 0);
  for (const [command, words] of [
    [status, []],
    [verify, ["BTCUSDT@50"]],
    [exportBars, ["BTCUSDT@50"]],
    [rebuild, ["all", "--reason", "test"]],
    [gc, []],
  ] as const) {
    const outcome = await look(command, words);
    assert.equal(outcome.code, 0, outcome.stderr);
  }
  assert.deepEqual(await cacheNow(), before);
  for (const folder of ["lib", "ops"]) {
    for (const name of readdirSync(join(projectRoot, folder), { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".ts")) continue;
      assert.ok(!readFileSync(join(projectRoot, folder, name), "utf8").includes("rangebar_cache"), name);
    }
  }
  await store.command("DROP DATABASE rangebar_cache");
});
