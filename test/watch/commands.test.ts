import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { before, test } from "node:test";
import { openEmbedded } from "../../lib/store/store.ts";
import detectGaps from "../../ops/detect-gaps.ts";
import detectOverflow from "../../ops/detect-overflow.ts";
import healLog from "../../ops/heal/log.ts";
import rebuild from "../../ops/rebuild.ts";
import undo from "../../ops/undo.ts";
import validate from "../../ops/validate.ts";
import verifyCheckpoints from "../../ops/verify-checkpoints.ts";
import ledgerSync from "../../ops/ledger/sync.ts";
import { ran, type Ran } from "../command/run.ts";
import type { Command } from "../../lib/command/index.ts";
import type { Outcome } from "../ops/run.ts";
import { Bench, newState } from "../rig/bench.ts";

const bench = new Bench({ days: 3, perDay: 400 });
const series = "range:binance/spot/BTCUSDT@50";

before(async () => {
  assert.equal((await bench.populate()).code, 0);
  assert.equal((await run(ledgerSync, [])).code, 0);
});

async function run(command: Command, words: readonly string[]): Promise<Ran> {
  return ran(command, [...words, "--state", bench.state, "--symbols", bench.symbols]);
}

/** Rows are put beside the real ones and taken away again. */
async function harm(statements: readonly string[], state = bench.state): Promise<void> {
  const store = await openEmbedded(state);
  for (const statement of statements) await store.command(statement);
  await store.close();
}

test("a sound store: each says so and exits 0", async () => {
  const outcomes = [
    [await run(verifyCheckpoints, []), /^1 units: as committed\n$/],
    [await run(verifyCheckpoints, ["--checkpoint-dir", bench.state, "--per-day", "-v"]), /2024-03-05 … 2024-03-07/],
    [await run(verifyCheckpoints, ["--quiet"]), /^$/],
    [await run(validate, []), /^store: .*\nids: .*: sound\nseries: .*: sound\nfeatures: .*: sound\n$/],
    [await run(validate, ["--dedup"]), /^ids: \d+ rows of bars: sound\n$/],
    [await run(detectOverflow, []), /^\d+ bars: no sum below zero\n$/],
  ] as const;
  for (const [{ code, stdout, stderr }, said] of outcomes) {
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, said);
  }
});

test("looking where there is no store makes none: exit 2; at an empty one each says that it holds nothing", async () => {
  const state = newState();
  const asked = async (command: Command, words: readonly string[]): Promise<Ran> =>
    ran(command, [...words, "--state", state, "--symbols", bench.symbols]);
  const looks: readonly (readonly [Command, readonly string[]])[] = [
    [detectGaps, []],
    [verifyCheckpoints, []],
    [validate, []],
    [detectOverflow, []],
    [healLog, []],
    [rebuild, ["all", "--plan"]],
    [undo, ["BTCUSDT@50:2024#2", "--plan"]],
  ];
  for (const [command, words] of looks) {
    const { code, stdout, stderr } = await asked(command, words);
    assert.equal(code, 2, command.name);
    assert.match(stdout + stderr, command === detectGaps ? /store-unreachable/ : /STORE_ABSENT/);
    assert.equal(existsSync(state), false, command.name);
  }
  await harm([], state);
  for (const [command, words] of looks.slice(0, 4)) {
    const { code, stdout, stderr } = await asked(command, words);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /holds nothing to look at/, command.name);
  }
});

test("a directory without a ledger: the flag that named it is named", async () => {
  const { code, stderr } = await run(verifyCheckpoints, ["--checkpoint-dir", newState()]);
  assert.equal(code, 3);
  assert.match(stderr, /name another one with --checkpoint-dir;[^]*NO_LEDGER/);
});

test("coverage that is there twice is called that, and no loss of bars", async () => {
  const other = new Bench({ days: 3, perDay: 400 });
  assert.equal((await other.populate()).code, 0);
  await harm(
    [`INSERT INTO barkeep.coverage SELECT * FROM barkeep.coverage WHERE day = '${other.firstDay}'`],
    other.state,
  );
  const { code, stdout } = await ran(verifyCheckpoints, ["--state", other.state]);
  assert.equal(code, 1);
  assert.match(stdout, /^checkpoint-differs .*: 1 rows of its coverage are there twice\n1 units: 1 findings\n$/);
});

test("I-16 I-11 a bar that is there twice, with sums that overflowed: found by each whose business it is", async () => {
  const some = `SELECT * REPLACE (-1 - volume AS volume) FROM barkeep.bars WHERE series = '${series}' ORDER BY first_agg_trade_id LIMIT 1`;
  await harm([`INSERT INTO barkeep.bars ${some}`]);
  const overflow = await run(detectOverflow, ["--json"]);
  assert.equal(overflow.code, 1, overflow.stderr);
  assert.match(overflow.stdout, /"negative": 1/);
  const dedup = await run(validate, ["--dedup"]);
  assert.equal(dedup.code, 1);
  assert.match(dedup.stdout, /^gap-overlap .*: more than one bar has the ids 1000 … /);
  assert.equal((await run(validate, ["--json"])).code, 1);
  // More rows than were committed are no loss.
  const checkpoints = await run(verifyCheckpoints, []);
  assert.equal(checkpoints.code, 0);
  assert.match(checkpoints.stdout, /1 rows beside them do not count/);
});

test("I-35 --min-discrepancy-pct lets a smaller loss of bars pass, and says nothing of it; never a larger one", async () => {
  const other = new Bench({ days: 3, perDay: 400 });
  assert.equal((await other.populate()).code, 0);
  const [whole] = await other.status();
  const bars = whole?.bars ?? 0;
  assert.ok(bars > 20 && bars < 100, `one of ${bars} bars is between 1 and 5 %`);
  const last = `(SELECT max(first_agg_trade_id) FROM barkeep.bars)`;
  const lose = `ALTER TABLE barkeep.bars DELETE WHERE first_agg_trade_id = ${last} SETTINGS mutations_sync = 2`;
  await harm([lose], other.state);
  const asked = async (...words: readonly string[]): Promise<Outcome> => other.run(["verify-checkpoints", ...words]);
  const strict = await asked();
  assert.equal(strict.code, 1, strict.stderr);
  assert.match(strict.stdout, new RegExp(`: ${bars} bars were committed, the store has ${bars - 1}$`, "m"));
  const lenient = await asked("--min-discrepancy-pct", "5");
  assert.deepEqual([lenient.code, lenient.stdout], [0, "1 units: as committed"], lenient.stderr);
  assert.equal((await asked("--min-discrepancy-pct", "1")).code, 1);
  await harm([lose, lose, lose, lose], other.state);
  assert.equal((await asked("--min-discrepancy-pct", "5")).code, 1);
});

test("bars and coverage that are gone, and a checkpoint that is damaged: verify-checkpoints exits 1", async () => {
  await harm([
    `ALTER TABLE barkeep.bars DELETE WHERE series = '${series}' SETTINGS mutations_sync = 2`,
    `ALTER TABLE barkeep.coverage UPDATE checkpoint = 'AAAA' WHERE series = '${series}' AND checkpoint != '' SETTINGS mutations_sync = 2`,
  ]);
  const outcome = await run(verifyCheckpoints, ["--checkpoint-dir", bench.state]);
  assert.equal(outcome.code, 1, outcome.stderr);
  assert.match(outcome.stdout, /bars were committed, the store has 0/);
  assert.match(outcome.stdout, /CHECKPOINT_CORRUPT/);
  assert.equal((await run(verifyCheckpoints, ["--quiet"])).stdout, "");
  assert.equal((await run(verifyCheckpoints, ["--min-discrepancy-pct", "101"])).code, 3);
});
