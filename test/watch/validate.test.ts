import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { columns } from "../../lib/store/columns.ts";
import { openEmbedded } from "../../lib/store/store.ts";
import validate from "../../ops/validate.ts";
import { ran, type Ran } from "../command/run.ts";
import { Bench, newState } from "../rig/bench.ts";

/** A few hundred bars at 50 dbps, some ten at 150. */
const bench = new Bench({ days: 3, perDay: 2000 });
const [fine, coarse] = ["range:binance/spot/BTCUSDT@50", "range:binance/spot/BTCUSDT@150"];
const bothThresholds = ["--threshold", "50", "--threshold", "150"];

async function asked(words: readonly string[], state = bench.state): Promise<Ran> {
  return ran(validate, [...words, "--state", state, "--symbols", bench.symbols]);
}

/** Changes bars where they lie, as no program does. */
async function harm(assignments: string, where = "1", state = bench.state): Promise<void> {
  const store = await openEmbedded(state);
  await store.command(`ALTER TABLE barkeep.bars UPDATE ${assignments} WHERE ${where} SETTINGS mutations_sync = 2`);
  await store.close();
}

/** A store of its own that a test may damage. */
async function harmed(assignments: string): Promise<string> {
  const state = newState();
  assert.equal((await bench.populate([...bothThresholds, "--state", state])).code, 0);
  await harm(assignments, "1", state);
  return state;
}

/** Five different numbers of fills, and what else is made of them. */
function fewCounts(first: number): string {
  const fills = `(${first} + first_agg_trade_id % 5)`;
  return `individual_trade_count = ${fills}, trade_intensity = ${fills} / if(duration_us = 0, 1, duration_us / 1e6)`;
}

/** The findings of features, without their series' bars. */
async function featuresOf(state: string): Promise<string[]> {
  const { stdout, stderr } = await asked(["--limit", "1000"], state);
  assert.match(stdout, /^features: /m, stderr);
  return stdout.split("\n").filter((line) => /formula cannot give|the same|numbers of fills/.test(line));
}

before(async () => {
  assert.equal((await bench.populate(bothThresholds)).code, 0);
  const bars = new Map((await bench.status()).map((one) => [one.series, one.bars]));
  const [ofFine = 0, ofCoarse = 0] = [bars.get(fine), bars.get(coarse)];
  assert.ok(ofFine > 150 && ofCoarse > 5 && ofCoarse < 90, `${ofFine} and ${ofCoarse} bars`);
});

test("features of a walk and of a real market are sound at every threshold", async () => {
  const state = newState();
  const archive = join(import.meta.dirname, "../../examples/archive");
  const thresholds = ["1", "2", "5", "10", "25"].flatMap((one) => ["--threshold", one]);
  const days = ["--start-date", "2024-08-08", "--end-date", "2024-08-09"];
  const outcome = await bench.populate([...thresholds, ...days, "--state", state], archive);
  assert.equal(outcome.code, 0, outcome.stderr);
  for (const each of [bench.state, state]) {
    const { code, stdout, stderr } = await asked([], each);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^features: .*: sound$/m);
  }
});

test("a column that never changes is found, each that there is; of a series with few bars it says nothing", async () => {
  const features = columns.filter(({ tier }) => tier === "5").map(({ name }) => name);
  const state = await harmed(features.map((name) => `${name} = 0`).join(", "));
  const same = (await featuresOf(state)).filter((line) => line.includes("have the same"));
  assert.deepEqual(
    same.map((line) => line.replace(/: all \d+ bars/, "")).toSorted(),
    features.map((name) => `store-differs ${fine} ${name} have the same ${name}`).toSorted(),
  );
});

test("every aggregate trade may be one fill; never each of them two", async () => {
  const state = await harmed("aggregation_density = 1");
  assert.deepEqual(await featuresOf(state), []);
  await harm("aggregation_density = 2", "1", state);
  assert.match((await featuresOf(state)).join("\n"), /^store-differs \S+@50 aggregation_density: all \d+ bars [^\n]*$/);
});

test("few different numbers of fills are found; where bars hold a few fills they are the market's doing", async () => {
  const state = await harmed(fewCounts(10));
  assert.match(
    (await featuresOf(state)).join("\n"),
    /^store-differs \S+@50 individual_trade_count: \d+ bars have 5 different numbers of fills$/,
  );
  await harm(fewCounts(2), "1", state);
  assert.deepEqual(await featuresOf(state), []);
});

test("a time below zero and an intensity that is not the fills by the time are found", async () => {
  const first = `series = '${coarse}' AND first_agg_trade_id = 1000`;
  const state = await harmed("trade_intensity = trade_intensity * 1.0001");
  await harm("duration_us = -1", first, state);
  const found = (await featuresOf(state)).join("\n");
  assert.match(found, /@50 trade_intensity: \d{3} bars have a trade_intensity that its formula cannot give$/m);
  assert.match(found, /@150 duration_us: 1 bars have a duration_us that its formula cannot give$/m);
});

test("a selection: what it names is looked at, and what the store does not have is never sound", async () => {
  const one = await asked(["--symbol", "BTCUSDT", "--threshold", "50"]);
  assert.equal(one.code, 0, one.stderr);
  assert.match(
    one.stdout,
    /^selection: 1 of 2 series: sound\nstore: [^]*\nseries: 1 series as verify proves them: sound$/m,
  );
  assert.match((await asked(["--symbol", "BTCUSDT"])).stdout, /^selection: 2 of 2 series: sound$/m);
  for (const words of [
    ["--threshold", "250"],
    ["--symbol", "BTCUSDT", "--threshold", "250", "--dedup"],
  ]) {
    const { code, stdout } = await asked(words);
    assert.equal(code, 2);
    assert.match(stdout, /^not known: not-looked-at (BTCUSDT)?@250: .*\nselection: 0 of 2 series: 1 findings\n$/);
  }
  const partly = await asked(["--threshold", "50", "--threshold", "250", "--json"]);
  assert.equal(partly.code, 2);
  assert.match(partly.stdout, /"name": "selection"[^]*"kind": "not-looked-at"[^]*"name": "features"/);
  const nowhere = await asked(["--symbol", "BTCUSD"]);
  assert.equal(nowhere.code, 3);
  assert.match(nowhere.stderr, /UNKNOWN_SYMBOL/);
});

test("what is wrong with one series is found by each check of it, and by none of another's", async () => {
  const state = await harmed("ofi = 2");
  const store = await openEmbedded(state);
  const bar = `SELECT * FROM barkeep.bars WHERE series = '${coarse}' ORDER BY first_agg_trade_id LIMIT 1`;
  await store.command(`INSERT INTO barkeep.bars ${bar}`);
  await store.command(
    `ALTER TABLE barkeep.bars UPDATE ofi = first_agg_trade_id % 7 / 7 WHERE series = '${fine}' SETTINGS mutations_sync = 2`,
  );
  await store.close();
  const sound = await asked(["--threshold", "50"], state);
  assert.equal(sound.code, 0, sound.stdout);
  assert.equal((await asked(["--threshold", "50", "--dedup"], state)).code, 0);
  const wrong = await asked(["--threshold", "150"], state);
  assert.equal(wrong.code, 1);
  for (const check of ["ids", "series", "features"]) {
    assert.match(wrong.stdout, new RegExp(`^${check}: .*: \\d+ findings$`, "m"));
  }
});
