import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import Database from "better-sqlite3";
import { z } from "zod";
import { applicationId } from "../../lib/ledger/schema.ts";
import { parseDay } from "../../lib/model/day.ts";
import { openEmbedded } from "../../lib/store/store.ts";
import { insertCoverage, madeUpSeries } from "../ledger/coverage-rows.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { barkeep, projectRoot, temporaryFolder, type Outcome } from "./run.ts";

const symbols = minimalRegistryFile();
const day = parseDay("2024-03-05");
const archive = new ArchiveFolder(temporaryFolder("ledger-archive"));
archive.putWalk(day, 3, 400);

function newState(): string {
  return join(temporaryFolder("ledger-state"), "state");
}

async function populate(state: string, end: string, env: Record<string, string> = {}): Promise<Outcome> {
  const asked = [
    "--symbol",
    "BTCUSDT",
    "--threshold",
    "20",
    "--threshold",
    "60",
    "--start-date",
    day,
    "--end-date",
    end,
  ];
  return barkeep(["populate", ...asked, "--archive", archive.root, "--symbols", symbols, "--state", state], env);
}

async function ledger(state: string, ...words: readonly string[]): Promise<Outcome> {
  return barkeep(["ledger", ...words, "--state", state]);
}

const syncShape = z.object({
  store: z.uuid(),
  units: z.number(),
  rows: z.string().transform(Number),
  store_ahead: z.object({ units: z.number(), rows: z.number() }),
  divergences: z.array(z.object({ unit: z.string(), ahead: z.string(), missing: z.number(), changed: z.number() })),
});

async function sync(state: string, code = 0): Promise<z.output<typeof syncShape>> {
  const outcome = await ledger(state, "sync", "--json");
  assert.equal(outcome.code, code, outcome.stdout + outcome.stderr);
  return syncShape.parse(JSON.parse(outcome.stdout));
}

const journalShape = z.object({
  events: z.array(
    z.object({ kind: z.string(), subject: z.string(), details: z.record(z.string(), z.unknown()), at: z.string() }),
  ),
});

async function journal(state: string, ...words: readonly string[]): Promise<z.output<typeof journalShape>["events"]> {
  const outcome = await ledger(state, "journal", "--json", ...words);
  assert.equal(outcome.code, 0, outcome.stderr);
  return journalShape.parse(JSON.parse(outcome.stdout)).events;
}

test("populate puts its plan and every attempt with its result on record; sync mirrors what it committed", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-06")).code, 0);
  const events = await journal(state);
  assert.deepEqual(
    events.map(({ kind, subject }) => (kind.startsWith("attempt") ? `${kind} ${subject}` : kind)),
    [
      "ledger.met-store",
      "plan.stored",
      "attempt.started BTCUSDT@20:2024",
      "attempt.started BTCUSDT@60:2024",
      "attempt.ended BTCUSDT@20:2024",
      "attempt.ended BTCUSDT@60:2024",
      "plan.ended",
    ],
  );
  const [, , , , ended] = events;
  assert.equal(ended?.details["result"], "done");
  assert.equal(ended?.details["trades"], "800");
  assert.equal(events[2]?.details["plan"], events[1]?.subject);
  const mirrored = await sync(state);
  assert.deepEqual(mirrored.store_ahead, { units: 2, rows: 4 });
  const status = await ledger(state, "status");
  assert.equal(status.code, 0, status.stderr);
  assert.match(status.stdout, /^attempts {2}2 done$/m);
  assert.match(status.stdout, /4 coverage rows of 2 units, 2 checkpoints, 0 flagged rows/);
});

test("a run that ends early says so: partial with the code of what ended it", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-09")).code, 1);
  const [ended] = await journal(state, "--kind", "attempt.ended", "--limit", "1");
  assert.equal(ended?.details["result"], "partial");
  assert.equal(ended?.details["code"], "NOT_PUBLISHED_YET");
});

test("an attempt that was killed is ended by the next one", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-05")).code, 0);
  const file = new Database(join(state, "ledger.sqlite"));
  file.exec("UPDATE attempts SET result = NULL, ended_ms = NULL, process_start = 'another boot'");
  file.close();
  assert.equal((await populate(state, "2024-03-06")).code, 0);
  const ends = await journal(state, "--kind", "attempt.ended", "--subject", "BTCUSDT@20:2024");
  assert.deepEqual(
    ends.map(({ details }) => [details["result"], details["code"]]),
    [
      ["done", undefined],
      ["failed", "PROCESS_GONE"],
      ["done", undefined],
    ],
  );
});

test("a store restored from an older copy: sync says what the ledger has seen and the store lacks, until it is accepted", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-05")).code, 0);
  cpSync(join(state, "store"), join(state, "copy"), { recursive: true });
  assert.equal((await populate(state, "2024-03-07")).code, 0);
  assert.deepEqual((await sync(state)).store_ahead, { units: 2, rows: 6 });

  rmSync(join(state, "store"), { recursive: true });
  cpSync(join(state, "copy"), join(state, "store"), { recursive: true });
  const lost = await sync(state, 1);
  const expected = ["BTCUSDT@20:2024#1", "BTCUSDT@60:2024#1"].map((unit) => ({
    unit,
    ahead: "ledger",
    missing: 2,
    changed: 0,
  }));
  assert.deepEqual(lost.divergences, expected);
  assert.deepEqual(await sync(state, 1), lost, "the same again");
  const text = await ledger(state, "sync");
  assert.match(text.stdout, /the ledger is ahead by 4 rows that the store had once/);
  assert.equal((await ledger(state, "status")).code, 1);

  // What is built anew is missed no more; that it was lost stays on record.
  assert.equal((await populate(state, "2024-03-07")).code, 0);
  const after = await sync(state);
  assert.deepEqual(after.divergences, expected);
  assert.match((await ledger(state, "sync")).stdout, /of 2 of these builds nothing is missed any more/);
  assert.equal((await ledger(state, "status")).code, 0);
  assert.deepEqual(after.store_ahead, { units: 2, rows: 4 });

  const planned = await ledger(state, "accept", "--reason", "a test", "--plan");
  assert.equal(planned.code, 0, planned.stderr);
  assert.deepEqual((await sync(state)).divergences, expected);
  const accepted = await ledger(state, "accept", "--reason", "restored from the copy");
  assert.match(accepted.stdout, /4 rows accepted/);
  assert.deepEqual((await sync(state)).divergences, []);
  assert.match((await ledger(state, "status")).stdout, /4 flagged rows/);
});

test("another store under the same state directory is refused before any work, with exit 4", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-05")).code, 0);
  await using served = await ServedStoreProcess.start(newState());
  for (const refused of [
    await populate(state, "2024-03-06", served.env),
    await barkeep(["ledger", "sync", "--state", state], served.env),
  ]) {
    assert.equal(refused.code, 4, refused.stderr);
    assert.match(refused.stderr, /LEDGER_OTHER_STORE/);
    assert.match(refused.stderr, /barkeep ledger rebuild/);
  }
  const status = await barkeep(["status", "--state", state, "--symbols", symbols], served.env);
  assert.match(status.stdout, /the store is empty/);
});

test("two state directories on one store sync independently", async () => {
  await using served = await ServedStoreProcess.start(newState());
  const [first, second] = [newState(), newState()];
  assert.equal((await populate(first, "2024-03-05", served.env)).code, 0);
  assert.equal((await populate(second, "2024-03-06", served.env)).code, 0);
  for (const state of [first, second]) {
    const outcome = await barkeep(["ledger", "sync", "--json", "--state", state], served.env);
    assert.equal(outcome.code, 0, outcome.stderr);
    const { store_ahead: ahead } = syncShape.parse(JSON.parse(outcome.stdout));
    assert.deepEqual(ahead, { units: 2, rows: 4 });
  }
  assert.deepEqual(
    (await journal(second, "--kind", "attempt.started")).map(({ subject }) => subject),
    ["BTCUSDT@20:2024", "BTCUSDT@60:2024"],
  );
});

test("a ledger that cannot be opened stops populate before any work: damaged exit 2, newer exit 3", async () => {
  const damaged = newState();
  mkdirSync(damaged);
  writeFileSync(join(damaged, "ledger.sqlite"), "no database at all ".repeat(100));
  const first = await populate(damaged, "2024-03-05");
  assert.equal(first.code, 2, first.stderr);
  assert.match(first.stderr, /LEDGER_CORRUPT/);
  assert.match(first.stderr, /barkeep ledger rebuild$/m);
  const newer = newState();
  mkdirSync(newer);
  const file = new Database(join(newer, "ledger.sqlite"));
  file.pragma(`application_id = ${applicationId}`);
  file.pragma("user_version = 99");
  file.close();
  const second = await populate(newer, "2024-03-05");
  assert.equal(second.code, 3, second.stderr);
  assert.match(second.stderr, /LEDGER_NEWER/);
  for (const state of [damaged, newer]) assert.equal(existsSync(join(state, "store")), false);
  assert.equal((await ledger(newer, "rebuild")).code, 3, "a newer ledger is not made an older one");
});

test("a lost ledger is derived again from the store", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-06")).code, 0);
  await sync(state);
  for (const end of ["", "-wal", "-shm"]) rmSync(join(state, `ledger.sqlite${end}`), { force: true });
  const rebuilt = await ledger(state, "rebuild", "--json");
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  const shape = z.object({ kept: z.array(z.unknown()), aside: z.null(), sync: syncShape });
  assert.deepEqual(shape.parse(JSON.parse(rebuilt.stdout)).sync.store_ahead, { units: 2, rows: 4 });
  assert.deepEqual((await sync(state)).store_ahead, { units: 0, rows: 0 });
});

test("of a damaged ledger what can be read is kept, the mirror is derived again, and the file is moved aside", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-06")).code, 0);
  await sync(state);
  const path = join(state, "ledger.sqlite");
  const file = new Database(path);
  file.exec(`INSERT INTO journal (at_ms, boot, monotonic_ns, host, pid, kind, subject, details)
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
SELECT i, '', 0, 'h', 1, 'test.filled', 's' || i, '{}' FROM n`);
  file.close();
  const bytes = readFileSync(path);
  const at = bytes.indexOf("test.fillings1000") < 0 ? bytes.indexOf("test.filleds1000{}") : -1;
  assert.ok(at > 0, "the journal's rows stand as text in the file");
  bytes.fill(0xff, at - (at % 4096), at - (at % 4096) + 4096);
  writeFileSync(path, bytes);
  assert.match((await ledger(state, "status")).stderr, /LEDGER_CORRUPT/);

  const planned = await ledger(state, "rebuild", "--plan");
  assert.equal(planned.code, 0, planned.stderr);
  assert.match(planned.stdout, /^plans: 1 rows kept, all there was$/m);
  assert.match(planned.stdout, /^journal: .* kept, what could be read$/m);
  assert.match((await ledger(state, "status")).stderr, /LEDGER_CORRUPT/, "a plan changes nothing");

  const rebuilt = await ledger(state, "rebuild");
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  const subjects = new Set((await journal(state, "--limit", "9999")).map(({ subject }) => subject));
  for (const kept of ["BTCUSDT@20:2024", "s1", "s500", "s1500", "s2000"]) assert.ok(subjects.has(kept), kept);
  assert.ok(!subjects.has("s1000"));
  const aside = readdirSync(state).filter((name) => name.startsWith("ledger.sqlite.aside-"));
  assert.equal(aside.length, 1);
  assert.deepEqual(readFileSync(join(state, aside[0] ?? "")), bytes);
  assert.match(rebuilt.stdout, new RegExp(`${aside[0]}$`));
  assert.deepEqual((await sync(state)).store_ahead, { units: 0, rows: 0 });
});

test("a rebuild keeps the evidence of what the store has lost, and begins anew with another store", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-05")).code, 0);
  cpSync(join(state, "store"), join(state, "copy"), { recursive: true });
  assert.equal((await populate(state, "2024-03-06")).code, 0);
  await sync(state);
  rmSync(join(state, "store"), { recursive: true });
  cpSync(join(state, "copy"), join(state, "store"), { recursive: true });
  const lost = await sync(state, 1);
  assert.equal((await ledger(state, "rebuild")).code, 1);
  assert.deepEqual((await sync(state, 1)).divergences, lost.divergences);

  rmSync(join(state, "store"), { recursive: true });
  const refused = await populate(state, "2024-03-05");
  assert.match(refused.stderr, /LEDGER_OTHER_STORE/);
  const rebuilt = await ledger(state, "rebuild");
  assert.equal(rebuilt.code, 0, rebuilt.stdout + rebuilt.stderr);
  assert.equal((await populate(state, "2024-03-05")).code, 0);
  assert.deepEqual((await sync(state)).divergences, []);
});

test("a rebuild keeps what was accepted of rows that are there twice", async () => {
  const state = newState();
  assert.equal((await populate(state, "2024-03-05")).code, 0);
  const store = await openEmbedded(state);
  await store.command("INSERT INTO barkeep.coverage SELECT * FROM barkeep.coverage");
  await store.close();
  await sync(state, 1);
  assert.equal((await ledger(state, "accept", "--reason", "a test")).code, 0);
  const rebuilt = await ledger(state, "rebuild");
  assert.equal(rebuilt.code, 0, rebuilt.stdout + rebuilt.stderr);
  assert.deepEqual((await sync(state)).divergences, []);
});

test("sync makes no store where one is gone: exit 2", async () => {
  const state = newState();
  const outcome = await ledger(state, "sync");
  assert.equal(outcome.code, 2);
  assert.match(outcome.stderr, /STORE_ABSENT/);
  assert.equal(existsSync(state), false);
  assert.equal((await ledger(state, "status")).code, 3);
  assert.equal(existsSync(state), false);
});

test("a sync that is killed at any time leaves a ledger that the next one completes", async (t) => {
  const state = newState();
  const store = await openEmbedded(state);
  for (let block = 0; block < 4; block += 1) {
    await insertCoverage(
      store,
      Array.from({ length: 10_000 }, (_, i) => ({
        series: madeUpSeries(i % 7),
        attempt: BigInt(block * 10_000 + i + 1),
        part: 0,
        checkpoint: i % 10 === 0 ? "Y2hlY2twb2ludA==" : "",
      })),
    );
  }
  await store.close();
  const words = [join(projectRoot, "bin/barkeep.mjs"), "ledger", "sync", "--state"];
  const clean = newState();
  cpSync(state, clean, { recursive: true });
  const began = performance.now();
  await sync(clean);
  const cleanMs = performance.now() - began;

  let killed = 0;
  const seen = new Set<number>();
  for (let tries = 0; tries < 5; tries += 1) {
    const child = spawn(process.execPath, [...words, state], { stdio: "ignore" });
    const ended = once(child, "exit");
    await Promise.race([ended, delay(cleanMs * (0.3 + 0.6 * Math.random()))]);
    child.kill("SIGKILL");
    await ended;
    if (child.exitCode === null) killed += 1;
    if (existsSync(join(state, "ledger.sqlite"))) seen.add(rowsIn(state).length);
  }
  const last = await sync(state);
  assert.deepEqual(last.divergences, []);
  assert.equal(last.rows, 40_000);
  assert.deepEqual(rowsIn(state), rowsIn(clean));
  assert.deepEqual((await sync(state)).store_ahead, { units: 0, rows: 0 });
  t.diagnostic(
    `${killed} kills; rows that were there in between: ${[...seen].join(", ")}; a clean run takes ${cleanMs} ms`,
  );
});

/** What the mirror holds, whatever its units' numbers and the syncs that saw it. */
function rowsIn(state: string): unknown[] {
  const file = new Database(join(state, "ledger.sqlite"));
  try {
    const isMade = file.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'mirror_coverage'").pluck().get();
    if (isMade === 0) return [];
    return file
      .prepare(
        `SELECT series, attempt, part, c.row_hash, checkpoint_sha256, gone_as FROM mirror_coverage AS c JOIN mirror_units ON id = unit
ORDER BY series, attempt, part`,
      )
      .raw()
      .all();
  } finally {
    file.close();
  }
}
