import assert from "node:assert/strict";
import { test } from "node:test";
import { addDays } from "../../lib/model/day.ts";
import { openEmbedded } from "../../lib/store/store.ts";
import { Bench } from "../rig/bench.ts";

const series = "range:binance/spot/BTCUSDT@50";
const dropBars = `ALTER TABLE barkeep.bars DROP PARTITION ('${series}', '2024', 1)`;
const dropCoverage = `DELETE FROM barkeep.coverage WHERE series = '${series}'`;
const twoThresholds = ["--threshold", "50", "--threshold", "100"];

async function harm({ state }: Bench, statements: readonly string[]): Promise<void> {
  const store = await openEmbedded(state);
  for (const statement of statements) await store.command(statement);
  await store.close();
}

test("S-07 bars and coverage deleted: the same command brings the bars back", async () => {
  const bench = new Bench();
  assert.equal((await bench.populate(twoThresholds)).code, 0);
  const whole = await bench.status();
  for (const [what, statements] of [
    ["both", [dropBars, dropCoverage]],
    ["coverage alone", [dropCoverage]],
    ["all there is of them", ["bars", "coverage", "builds", "pointer"].map((one) => `TRUNCATE TABLE barkeep.${one}`)],
  ] as const) {
    await harm(bench, statements);
    const again = await bench.populate(twoThresholds);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stdout, /built/, what);
    assert.deepEqual(await bench.status(), whole, what);
  }
});

test("S-07 the coverage of a day inside a unit deleted: populate does not say that every day is built", async () => {
  const bench = new Bench({ days: 3 });
  assert.equal((await bench.populate(twoThresholds)).code, 0);
  await harm(bench, [`${dropCoverage} AND day = '${addDays(bench.firstDay, 1)}'`]);
  for (const more of [[], ["--plan"]]) {
    const outcome = await bench.populate([...twoThresholds, ...more]);
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.match(outcome.stdout, /^BTCUSDT@50:2024 lacks 400 ids inside: barkeep detect-gaps .* barkeep heal /m);
    assert.doesNotMatch(outcome.stdout, /every day|BTCUSDT@100/);
  }
});

test("S-07 bars gone under coverage that stays: exit 2 that says so, not nothing to do, and nothing built behind the hole", async () => {
  const bench = new Bench({ days: 3 });
  const twoDays = [...twoThresholds, "--end-date", addDays(bench.firstDay, 1)];
  assert.equal((await bench.populate(twoDays)).code, 0);
  const before = await bench.status();
  for (const statement of [
    `DELETE FROM barkeep.bars WHERE series = '${series}' AND first_agg_trade_id < 1100`,
    dropBars,
  ]) {
    await harm(bench, [statement]);
    const outcome = await bench.populate([...twoDays, "--json"]);
    assert.equal(outcome.code, 2, outcome.stderr);
    assert.match(outcome.stderr, /the store holds \d+ bars of BTCUSDT@50:2024 where \d+ were committed/);
    assert.match(outcome.stderr, /barkeep rebuild BTCUSDT@50:2024, .*\(BARS_MISSING\)/);
    assert.match(outcome.stdout, /"state": "bars missing"/);
  }
  const alone = await bench.populate(["--plan", "--end-date", addDays(bench.firstDay, 1)]);
  assert.equal(alone.code, 2, alone.stdout);
  assert.match(alone.stdout, /BARS_MISSING/);
  assert.doesNotMatch(alone.stdout, /nothing to do/);

  // A day more: the series beside it gets it, this one stays as it is and is not called complete.
  const more = await bench.populate(twoThresholds);
  assert.equal(more.code, 2, more.stderr);
  const after = new Map((await bench.status()).map((one) => [one.series, one]));
  for (const { series: name, days } of before) assert.equal(after.get(name)?.days, name === series ? days : 3, name);
  assert.deepEqual([after.get(series)?.complete, after.get(series)?.differing], [false, ["2024"]]);

  // What the message says to do, and the bars come back.
  const rebuilt = await bench.run(["rebuild", "all", "--archive", bench.archive.root]);
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  assert.match(rebuilt.stdout, /BTCUSDT@50:2024 .*barkeep undo/);
  const undone = await bench.run(["undo", "BTCUSDT@50:2024#2"]);
  assert.equal(undone.code, 4, "readers would see the build again that has lost its bars");
  const rest = await bench.populate(twoThresholds);
  assert.equal(rest.code, 0, rest.stderr);
  assert.deepEqual(await bench.status(), await bench.cleanStatus(twoThresholds));
});
