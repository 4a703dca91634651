import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { openStore } from "../../lib/store/index.ts";
import { temporaryFolder } from "../ops/run.ts";
import { runProgram } from "./child.ts";
import { formatKill, parseKills } from "./kill.ts";
import { statementName } from "./preload/statement.ts";
import { mustRun } from "./workloads/command.ts";
import { exampleSymbols, populateWords } from "./workloads/populate.ts";

const bars = "range:binance/spot/BTCUSDT@10";
const ofSeries = `WHERE series = '${bars}' AND is_orphan = 0 ORDER BY first_agg_trade_id`;

const damages: readonly (readonly [what: string, statement: string, expected: RegExp])[] = [
  ["a bar is doubled", `INSERT INTO barkeep.bars SELECT * FROM barkeep.bars ${ofSeries} LIMIT 1`, /bars show, with/],
  ["a bar is lost", `DELETE FROM barkeep.bars WHERE series = '${bars}' AND open_time % 7 = 0`, /in the chain/],
  [
    "coverage is doubled",
    `INSERT INTO barkeep.coverage SELECT * FROM barkeep.coverage WHERE series = '${bars}'`,
    /OVERLAP/,
  ],
  ["a view is another one", "CREATE OR REPLACE VIEW barkeep.range_bars AS SELECT 1 AS series", /the schema is another/],
];

test("the check behind a kill finds bars that were doubled or lost, coverage that is told twice, and another view", async () => {
  const folder = temporaryFolder("crash-check");
  const [state, kept] = [join(folder, "state"), join(folder, "expected")];
  await mustRun(populateWords(state), state);
  const check = async (...words: readonly string[]): Promise<string> => {
    const given = ["--state", state, "--symbols", exampleSymbols, ...words];
    return z
      .array(z.string())
      .parse(JSON.parse(await runProgram("check.ts", given)))
      .join("\n");
  };
  assert.equal(await check("--record", kept), "");
  assert.equal(await check("--expected", kept), "");
  for (const [what, statement, expected] of damages) {
    const store = await openStore({ stateDirectory: state });
    await store.command(statement);
    await store.close();
    assert.match(await check("--expected", kept), expected, what);
  }
});

test("a run that has not ended shows the beginning; one that is taken for ended does not", async () => {
  const folder = temporaryFolder("crash-prefix");
  const [state, kept] = [join(folder, "state"), join(folder, "expected")];
  const check = async (...words: readonly string[]): Promise<string[]> => {
    const given = ["--state", state, "--symbols", exampleSymbols, ...words];
    return z.array(z.string()).parse(JSON.parse(await runProgram("check.ts", given)));
  };
  const whole = join(folder, "whole");
  await mustRun(populateWords(whole), whole);
  await runProgram("check.ts", ["--state", whole, "--symbols", exampleSymbols, "--record", kept]);
  await mustRun(populateWords(state, { to: "2024-08-08" }), state);
  assert.deepEqual(await check("--expected", kept, "--prefix"), []);
  assert.equal((await check("--expected", kept)).length, 4);
});

test("kills are written as they are read", () => {
  for (const text of ["37", "37+800", "423ms", "before insert barkeep.bars"]) {
    assert.deepEqual(parseKills(text).map(formatKill), [text]);
  }
  assert.equal(parseKills("37,12+5,9ms").length, 3);
  assert.throws(() => parseKills("37,soon"), /"soon" is no kill/);
});

test("statements that change something have a name, others none", () => {
  const named = new Map([
    ["INSERT INTO barkeep.bars SETTINGS async_insert = 0 FORMAT Native", "insert barkeep.bars"],
    ["INSERT OR REPLACE INTO plans VALUES (?)", "insert plans"],
    ["CREATE TABLE IF NOT EXISTS barkeep.bars (\n a Int8)", "create table barkeep.bars"],
    ["CREATE OR REPLACE VIEW barkeep.range_bars AS SELECT 1", "create view barkeep.range_bars"],
    ["ALTER TABLE barkeep.bars DROP PARTITION ('a', 'b', 1)", "alter table barkeep.bars drop partition"],
    ["DROP DATABASE barkeep SYNC", "drop database barkeep"],
    ["COMMIT", "commit"],
  ]);
  for (const [sql, name] of named) assert.equal(statementName(sql), name);
  for (const sql of ["SELECT 1", "SET a = 1", " WITH x AS (SELECT 1) SELECT x", "USE barkeep", "SHOW TABLES", ""]) {
    assert.equal(statementName(sql), undefined, sql);
  }
});
