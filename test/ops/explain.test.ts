import assert from "node:assert/strict";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { openLedger } from "../../lib/ledger/index.ts";
import { addDays, type Day } from "../../lib/model/day.ts";
import { openEmbedded } from "../../lib/store/store.ts";
import type { Finding } from "../../lib/watch/finding.ts";
import { recordLook } from "../../lib/watch/record-look.ts";
import { Bench, newState } from "../rig/bench.ts";
import { clockAt } from "../rig/clock.ts";
import { minimalRegistry } from "../rig/registry.ts";
import type { Outcome } from "./run.ts";

const bench = new Bench();
const series = "range:binance/spot/BTCUSDT@50";
const unit = "BTCUSDT@50:2024";
const archive = ["--archive", bench.archive.root] as const;
/** The morning after the bench's archive ends: everything in it is fresh. */
const morning = addDays(bench.firstDay, 2);

before(async () => {
  const { code, stderr } = await bench.populate();
  assert.equal(code, 0, stderr);
});

function stateCopy(): string {
  const state = newState();
  cpSync(bench.state, state, { recursive: true });
  return state;
}

async function run(state: string, words: readonly string[], day: Day = morning, hour = "03"): Promise<Outcome> {
  return bench.run(words, clockAt(`${day}T${hour}:00:00Z`), state);
}

async function damageCheckpoint(state: string): Promise<void> {
  const store = await openEmbedded(state);
  await store.command(
    "ALTER TABLE barkeep.coverage UPDATE checkpoint = 'AAAA' WHERE checkpoint != '' SETTINGS mutations_sync = 2",
  );
  await store.close();
}

function open(state: string, findings: readonly Finding[]): void {
  using ledger = openLedger(state);
  recordLook(ledger, { source: "test", findings, examined: [] });
}

test("a damaged checkpoint is told of its series and its unit, before a heartbeat has seen it and after", async () => {
  const state = stateCopy();
  assert.equal((await run(state, ["heartbeat", "--once", ...archive])).code, 0);
  await damageCheckpoint(state);
  for (const subject of ["BTCUSDT@50", unit]) {
    const { code, stdout } = await run(state, ["explain", subject, ...archive]);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /BTCUSDT@50, BTCUSDT@50:2024: a checkpoint does not fit .*CHECKPOINT_CORRUPT/);
    assert.match(stdout, /^ {2}what to do: barkeep rebuild BTCUSDT@50:2024 --reason TEXT$/m);
    assert.doesNotMatch(stdout, /Nothing is to be done|Nothing that is published/);
  }
  assert.equal((await run(state, ["heartbeat", "--once", ...archive], morning, "04")).code, 1);
  for (const subject of ["BTCUSDT@50", unit]) {
    const { code, stdout } = await run(state, ["explain", subject, ...archive], morning, "05");
    assert.equal(code, 1, stdout);
    assert.match(stdout, /a checkpoint does not fit what is stored/);
    assert.match(stdout, /#\d+ .*BTCUSDT@50, BTCUSDT@50:2024#1: the store lacks what it once had/);
  }
  writeFileSync(bench.symbols, minimalRegistry().replace("enabled = true", "enabled = false"));
  try {
    const { code, stdout } = await run(state, ["explain", "BTCUSDT@50", ...archive], morning, "05");
    assert.equal(code, 1, stdout);
    assert.match(stdout, /is not kept: .*a checkpoint does not fit .*the store lacks what it once had/);
  } finally {
    writeFileSync(bench.symbols, minimalRegistry());
  }
  const other = await run(state, ["explain", "BTCUSDT@50:2023", ...archive], morning, "05");
  assert.doesNotMatch(other.stdout, /checkpoint|the store lacks/);
});

test("an open incident is told of a unit wherever its kind names the unit", async () => {
  const of = { verdict: "wrong", summary: "a test says so", evidence: {} } as const;
  const findings: readonly Finding[] = [
    { ...of, kind: "store-differs", subject: series, place: `${unit}#1` },
    { ...of, kind: "heal-exhausted", subject: unit, place: "trailing 2024-03-06" },
    { ...of, kind: "job-failed", subject: "BTCUSDT@50+100:2024", place: "bigbox" },
    { ...of, kind: "store-write-failed", subject: unit },
    { ...of, kind: "price-jump", subject: series, place: "then", evidence: { ids: "1100 … 1101", jump_dbps: "9" } },
  ];
  for (const finding of findings) {
    const state = stateCopy();
    open(state, [finding]);
    for (const [subject, code] of [
      ["BTCUSDT@50", 1],
      [unit, 1],
    ] as const) {
      const explained = await run(state, ["explain", subject, ...archive]);
      assert.equal(explained.code, code, `${finding.kind} ${subject}: ${explained.stdout}`);
      assert.match(explained.stdout, /#1 .*: a test says so\./, finding.kind);
    }
  }
});

test("a series that is as old as its archive is never all well: what to do is said, and an incident of it is told", async () => {
  const state = stateCopy();
  const later = addDays(morning, 66);
  const old = await run(state, ["explain", "BTCUSDT@50", ...archive], later);
  assert.match(old.stdout, /so old that the series counts as dead: 72 h are allowed\. Its archive has nothing newer/);
  assert.match(old.stdout, /^ {2}what to do: where the exchange has delisted it, state its delisting_date/m);
  assert.doesNotMatch(old.stdout, /Nothing is to be done/);
  assert.equal(old.code, 0, "excused, as by detect-gaps");

  assert.equal((await run(state, ["heartbeat", "--once", ...archive], later, "04")).code, 1);
  const open = await run(state, ["explain", "BTCUSDT@50", ...archive], later, "05");
  assert.equal(open.code, 1, open.stdout);
  assert.match(open.stdout, /#1 range:.*BTCUSDT@50: a series has stopped: its newest trade is \d+ h old/);

  writeFileSync(bench.symbols, minimalRegistry(`delisting_date = ${bench.lastDay}`));
  try {
    const over = await run(state, ["explain", "BTCUSDT@50", ...archive], later, "06");
    assert.deepEqual([over.code, /Nothing is to be done\./.test(over.stdout)], [0, true], over.stdout);
  } finally {
    writeFileSync(bench.symbols, minimalRegistry());
  }
});

test("without its archive nothing is said of what is published", async () => {
  const state = stateCopy();
  writeFileSync(bench.symbols, minimalRegistry(`effective_start = ${bench.firstDay}`));
  try {
    const blind = await run(state, ["explain", "BTCUSDT@50"]);
    assert.match(blind.stdout, /Nothing is missing up to 2024-03-06\. No archive was asked: what is published since/);
    assert.match(blind.stdout, /^ {2}what to do: name the archive/m);
    assert.doesNotMatch(blind.stdout, /Nothing that is published is missing|Nothing is to be done/);
    assert.equal(blind.code, 0, "held to its own age, as by detect-gaps");
    const asked = await run(state, ["explain", "BTCUSDT@50", ...archive]);
    assert.match(asked.stdout, /Nothing that is published is missing\. Nothing is to be done\./);
    const remembered = await run(state, ["explain", "BTCUSDT@50"], morning, "04");
    assert.match(remembered.stdout, /Nothing is missing of what was published at 2024-03-07 03:0\d UTC\. No archive/);
    const late = await run(state, ["explain", "BTCUSDT@50"], addDays(morning, 5));
    assert.equal(late.code, 1, late.stdout);
  } finally {
    writeFileSync(bench.symbols, minimalRegistry());
  }
});

test("a unit is not said to lack anything where there is no store to look at", async () => {
  const typo = await run(newState(), ["explain", "BTCUSDT@250:2024", ...archive]);
  assert.equal(typo.code, 2, typo.stdout);
  assert.match(typo.stderr, /STORE_ABSENT/);
  assert.equal(typo.stdout, "");

  const state = stateCopy();
  assert.equal((await run(state, ["ledger", "sync"])).code, 0);
  rmSync(join(state, "store"), { recursive: true });
  const gone = await run(state, ["explain", unit, ...archive]);
  assert.equal(gone.code, 2, gone.stdout + gone.stderr);
  assert.match(
    gone.stdout,
    /Whether BTCUSDT@50:2024 is built is not known: there is no store .*The ledger has seen it/,
  );
  const unseen = await run(state, ["explain", "BTCUSDT@50:2023", ...archive]);
  assert.deepEqual([unseen.code, unseen.stdout], [2, ""], unseen.stderr);
});

test("an incident of a pair that was only asked for by name promises no heal, and keeps the heartbeat from saying that all is well", async () => {
  const state = stateCopy();
  const words = ["detect-gaps", "--symbol", "BTCUSDT", "--threshold", "100", ...archive];
  assert.equal((await run(state, words)).code, 1);
  for (const command of ["explain", "incidents"]) {
    const told = await run(state, [command, "1"]);
    assert.equal(told.code, 1, "as the list does, while it is not over");
    assert.match(told.stdout, /barkeep populate --symbol BTCUSDT --threshold 100 builds it/);
    assert.doesNotMatch(told.stdout, /next barkeep heal|`barkeep heal` builds/);
  }
  const beat = await run(state, ["heartbeat", "--once", ...archive], morning, "04");
  assert.equal(beat.code, 0, beat.stdout);
  assert.match(beat.stdout, /this pass found nothing wrong; 1 incident is not over, so that not all is well:/);

  const built = await bench.populate(["--state", state, "--threshold", "100"]);
  assert.equal(built.code, 0, built.stderr);
  const over = await run(state, ["heartbeat", "--once", ...archive], morning, "05");
  assert.equal(over.code, 0, over.stdout);
  assert.doesNotMatch(over.stdout, /not all is well/);
  for (const command of ["explain", "incidents"]) assert.equal((await run(state, [command, "1"])).code, 0);
});

test("heal of a symbol that is not kept says so, and not that there are no gaps", async () => {
  writeFileSync(bench.symbols, minimalRegistry().replace("enabled = true", "enabled = false"));
  try {
    for (const words of [["heal"], ["heal", "--dry-run"]]) {
      const { code, stdout, stderr } = await run(bench.state, [...words, "--symbol", "BTCUSDT", ...archive]);
      assert.equal(code, 4, stdout);
      assert.match(stderr, /BTCUSDT is not kept, so no heal looks at it: the symbol is disabled in the registry/);
      assert.doesNotMatch(stdout, /no gaps/);
    }
  } finally {
    writeFileSync(bench.symbols, minimalRegistry());
  }
});
