import assert from "node:assert/strict";
import { after, before, mock, test } from "node:test";
import Database from "better-sqlite3";
import { ledgerPath } from "../../lib/ledger/index.ts";
import detectOverflow from "../../ops/detect-overflow.ts";
import explain from "../../ops/explain.ts";
import exportBars from "../../ops/export-bars.ts";
import gc from "../../ops/gc.ts";
import heal from "../../ops/heal.ts";
import ledgerSync from "../../ops/ledger/sync.ts";
import populate from "../../ops/populate.ts";
import rebuild from "../../ops/rebuild.ts";
import status from "../../ops/status.ts";
import validate from "../../ops/validate.ts";
import verify from "../../ops/verify.ts";
import verifyCheckpoints from "../../ops/verify-checkpoints.ts";
import type { Command } from "../../lib/command/index.ts";
import { ran, type Ran } from "../command/run.ts";
import type { Outcome } from "../ops/run.ts";
import { Bench, newState } from "../rig/bench.ts";
import { freePort } from "../rig/ports.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { StoreProxy, type StoreFault } from "../rig/store-proxy.ts";

const bench = new Bench();
/** Where the ledger stands, and all else that is not the store's. */
const beside = newState();
let served: ServedStoreProcess;
let proxy: StoreProxy;
let url: string;

/** Commands that look at the store, and what each says of one that is well. */
const looks: readonly (readonly [name: string, command: Command, words: readonly string[], well: RegExp])[] = [
  ["status", status, ["--json"], /"complete": true/],
  ["verify", verify, ["BTCUSDT@50"], /0 findings/],
  ["export-bars", exportBars, ["BTCUSDT@50"], /^open_time,/],
  ["populate", populate, [], /nothing to do/],
  ["populate --plan", populate, ["--plan"], /nothing to do/],
  ["rebuild --plan", rebuild, ["all", "--plan"], /0 to make anew/],
  ["gc --plan", gc, ["--plan"], /./],
  ["verify-checkpoints", verifyCheckpoints, ["--checkpoint-dir", beside], /as committed/],
  ["validate", validate, [], /: sound/],
  ["detect-overflow", detectOverflow, [], /no sum below zero/],
  ["heal", heal, [], /no gaps/],
  ["heal --dry-run", heal, ["--dry-run"], /no gaps/],
  ["explain SERIES", explain, ["BTCUSDT@50"], /Nothing that is published is missing/],
];

before(async () => {
  // The client warns of the timeout that stands in its URL here.
  mock.method(console, "warn", () => undefined);
  assert.equal((await bench.populate()).code, 0);
  served = await ServedStoreProcess.start(bench.state);
  proxy = new StoreProxy(served.url);
  url = await proxy.start();
  const first = await look(populate, [], url);
  assert.equal(first.code, 0, first.stderr);
  // A ledger's first sync asks for more than those behind it.
  assert.equal((await look(ledgerSync, [], url)).code, 0);
});
after(async () => {
  await proxy[Symbol.asyncDispose]();
  await served.stop();
});

/** A silent store is given up after a moment; a patient look waits as long as it takes. */
function impatient(storeUrl: string): string {
  return `${storeUrl}/?request_timeout=400`;
}

/** Runs a look through an address. */
async function look(command: Command, words: readonly string[], storeUrl: string): Promise<Ran> {
  const place = ["--state", beside, "--symbols", bench.symbols, "--archive", bench.archive.root];
  const asked =
    command === populate ? bench.populateWords([...words, "--state", beside]).slice(1) : [...words, ...place];
  return ran(command, asked, { ...served.env, CLICKHOUSE_URL: storeUrl });
}

function checkUnknown(outcome: Ran, well: RegExp, context: string): void {
  assert.equal(outcome.code, 2, `${context}: ${outcome.stdout}${outcome.stderr}`);
  assert.match(outcome.stderr, /\(STORE_AWAY\)/, context);
  assert.match(outcome.stderr, /run the same command again/, context);
  assert.ok(outcome.stderr.includes("127.0.0.1"), context);
  assert.ok(!outcome.stderr.includes(served.password), context);
  // An export's rows that came before stand; nothing else is said of a store that was not looked at.
  if (!context.startsWith("export")) assert.doesNotMatch(outcome.stdout, well, context);
}

for (const [name, command, words, well] of looks) {
  test(`S-20 ${name} and a store that is down, silent, or lost on the way: exit 2, never clean`, async () => {
    proxy.heal();
    const fine = await look(command, words, url);
    assert.equal(fine.code, 0, fine.stderr);
    assert.match(fine.stdout, well);
    const requests = proxy.seen;
    assert.ok(requests > 1);

    const nowhere = impatient(`http://127.0.0.1:${await freePort()}`);
    checkUnknown(await look(command, words, nowhere), well, `${name}, down`);

    const faults: readonly StoreFault[] = ["silent", "reset", "cut", "bad-gateway", "stranger"];
    for (const fault of faults) {
      // Another program on the store's port is there from the first request on, and a populate that has begun waits for its store:
      // that is S-01.
      const isAtOnce = fault === "stranger" || name === "populate";
      for (const behind of isAtOnce ? [0] : new Set([0, requests >> 1, requests - 1])) {
        proxy.fail(fault, behind);
        checkUnknown(
          await look(command, words, impatient(url)),
          well,
          `${name}, ${fault} behind ${behind} of ${requests}`,
        );
      }
    }
    proxy.heal();
    assert.deepEqual((await look(command, words, url)).stdout, fine.stdout);
  });
}

/** Commands that keep something in the ledger, or ask it what the store had once, and what each says where all is well. */
const ledgerLooks: readonly (readonly [words: readonly string[], clean: RegExp])[] = [
  [["verify-checkpoints", "--checkpoint-dir", beside], /as committed/],
  [["heal"], /no gaps/],
  [["heal", "--dry-run"], /no gaps/],
  [["explain", "BTCUSDT@50"], /Nothing that is published is missing/],
];

/** Each waits ten seconds for the ledger: in processes of their own, at the same time. */
async function lookAtLedger(): Promise<Outcome[]> {
  const place = ["--archive", bench.archive.root];
  const env = { ...served.env, CLICKHOUSE_URL: url };
  return Promise.all(ledgerLooks.map(async ([words]) => bench.run(words.concat(place), env, beside)));
}

test("S-20 a ledger that another process keeps locked: exit 2, never clean", async () => {
  proxy.heal();
  const lock = new Database(ledgerPath(beside));
  lock.exec("BEGIN IMMEDIATE");
  let locked: readonly Outcome[];
  try {
    locked = await lookAtLedger();
  } finally {
    lock.exec("ROLLBACK");
    lock.close();
  }
  const open = await lookAtLedger();
  for (const [i, [words, clean]] of ledgerLooks.entries()) {
    const { code, stdout = "", stderr = "" } = locked[i] ?? {};
    assert.equal(code, 2, `${words.join(" ")}: ${stdout}${stderr}`);
    assert.match(stderr, /another process keeps the ledger locked[^]*what to do: let it end[^]*\(LEDGER_LOCKED\)/);
    assert.doesNotMatch(stdout, clean);
    assert.equal(open[i]?.code, 0, open[i]?.stderr);
    assert.match(open[i]?.stdout ?? "", clean);
  }
});
