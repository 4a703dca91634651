import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { z } from "zod";
import type { Clock } from "../../lib/ledger/index.ts";
import { ledgerPath, openExistingLedger, openLedger } from "../../lib/ledger/index.ts";
import { applicationId, ledgerVersion } from "../../lib/ledger/schema.ts";
import { ConfigurationError, Failure, RefusedError, RetryableError, UnavailableError } from "../../lib/model/errors.ts";
import { exitCodeOf } from "../../lib/model/exit-codes.ts";
import { temporaryFolder } from "../ops/run.ts";

function newState(): string {
  return join(temporaryFolder("ledger"), "state");
}

/** The file as another program sees it. */
function withFile<T>(state: string, use: (database: Database.Database) => T): T {
  const database = new Database(ledgerPath(state));
  try {
    return use(database);
  } finally {
    database.close();
  }
}

function failureOf(run: () => unknown): Failure {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error;
  }
  return assert.fail("nothing was thrown");
}

/** A clock whose hands a test sets. */
class HandSetClock implements Clock {
  readonly boot = "boot-1";
  nowMs = 1_700_000_000_000;
  upNs = 5_000_000_000n;
  wallMs(): number {
    return this.nowMs;
  }
  monotonicNs(): bigint {
    return this.upNs;
  }
}

test("a new ledger is a file of this user's alone, in WAL mode, marked as ours and of this version", () => {
  const state = newState();
  using ledger = openLedger(state);
  ledger.journal.record("test.done", "x");
  for (const name of readdirSync(state)) assert.equal(statSync(join(state, name)).mode & 0o777, 0o600, name);
  withFile(state, (database) => {
    assert.equal(database.pragma("journal_mode", { simple: true }), "wal");
    assert.equal(database.pragma("application_id", { simple: true }), applicationId);
    assert.equal(database.pragma("user_version", { simple: true }), ledgerVersion);
  });
});

test("a ledger that others may read is made this user's alone when it is opened", () => {
  const state = newState();
  openLedger(state).close();
  chmodSync(ledgerPath(state), 0o644);
  openLedger(state).close();
  assert.equal(statSync(ledgerPath(state)).mode & 0o777, 0o600);
});

test("what was written is there when it is opened again", () => {
  const state = newState();
  {
    using ledger = openLedger(state);
    ledger.journal.record("build.dropped", "BTCUSDT@250:2024", { build: 3, attempt: 9_007_199_254_740_993n });
  }
  using again = openExistingLedger(state);
  const [event] = again.journal.last(5);
  assert.equal(event?.kind, "build.dropped");
  assert.deepEqual(event?.details, { build: 3, attempt: "9007199254740993" });
});

test("reading makes no ledger", () => {
  const state = newState();
  assert.equal(failureOf(() => openExistingLedger(state)).code, "NO_LEDGER");
  assert.equal(existsSync(state), false);
});

test("a newer program's ledger is refused with exit 3, and nothing in it is touched", () => {
  const state = newState();
  openLedger(state).close();
  withFile(state, (database) => database.pragma(`user_version = ${ledgerVersion + 1}`));
  const before = readFileSync(ledgerPath(state));
  const failure = failureOf(() => openLedger(state));
  assert.ok(failure instanceof ConfigurationError);
  assert.equal(failure.code, "LEDGER_NEWER");
  assert.equal(exitCodeOf(failure), 3);
  assert.deepEqual(readFileSync(ledgerPath(state)), before);
});

test("another program's database in the ledger's place is refused", () => {
  const state = newState();
  mkdirSync(state);
  withFile(state, (database) => database.exec("CREATE TABLE theirs (a)"));
  assert.equal(failureOf(() => openLedger(state)).code, "LEDGER_FOREIGN");
});

test("a file that is no database, and one with damaged pages, are told with exit 2 and the command that helps", () => {
  for (const damage of ["text", "pages", "cut"] as const) {
    const state = newState();
    {
      using ledger = openLedger(state);
      ledger.transaction(() => {
        for (let i = 0; i < 500; i += 1) ledger.journal.record("test.filled", "x".repeat(100));
      });
    }
    const bytes = readFileSync(ledgerPath(state));
    if (damage === "text") writeFileSync(ledgerPath(state), "this is no database".repeat(1000));
    if (damage === "pages") writeFileSync(ledgerPath(state), bytes.fill(0x5a, 3 * 4096, bytes.length - 4096));
    if (damage === "cut") writeFileSync(ledgerPath(state), bytes.subarray(0, 5 * 4096));
    const failure = failureOf(() => openLedger(state));
    assert.ok(failure instanceof UnavailableError, damage);
    assert.equal(failure.code, "LEDGER_CORRUPT", damage);
    assert.equal(failure.hint, "barkeep ledger rebuild");
    assert.equal(exitCodeOf(failure), 2);
  }
});

test("a ledger that another process keeps locked is told after the time it may wait", () => {
  const state = newState();
  using ledger = openLedger(state, { timeoutMs: 50 });
  withFile(state, (other) => {
    other.exec("BEGIN IMMEDIATE");
    const failure = failureOf(() => ledger.journal.record("test.locked-out", "x"));
    assert.ok(failure instanceof RetryableError);
    assert.equal(failure.code, "LEDGER_LOCKED");
    assert.equal(exitCodeOf(failure), 2);
    other.exec("COMMIT");
  });
  ledger.journal.record("test.let-in", "x");
  assert.deepEqual(
    ledger.journal.last(9).map(({ kind }) => kind),
    ["test.let-in"],
  );
});

test(
  "a state directory that cannot be written is told",
  { skip: process.getuid?.() === 0 ? "root may write" : false },
  () => {
    const state = newState();
    mkdirSync(state);
    chmodSync(state, 0o500);
    assert.equal(failureOf(() => openLedger(state)).code, "STATE_NOT_WRITABLE");
    chmodSync(state, 0o700);
    openLedger(state).close();
    chmodSync(ledgerPath(state), 0o400);
    const failure = failureOf(() => openLedger(state));
    assert.equal(failure.code, "STATE_NOT_WRITABLE");
    assert.equal(exitCodeOf(failure), 3);
  },
);

test("a state directory that cannot be made is told with exit 3", () => {
  const file = newState();
  writeFileSync(file, "a file");
  for (const state of [file, join(file, "below"), "/proc/barkeep"]) {
    const failure = failureOf(() => openLedger(state));
    assert.equal(failure.code, "STATE_NOT_WRITABLE", state);
    assert.equal(exitCodeOf(failure), 3);
  }
});

test("rows of the journal and plans cannot be changed or deleted, by any program", () => {
  const state = newState();
  {
    using ledger = openLedger(state);
    ledger.journal.record("test.done", "x");
    ledger.plans.put({ a: 1 });
  }
  withFile(state, (database) => {
    for (const sql of [
      "UPDATE journal SET subject = 'y'",
      "DELETE FROM journal",
      `INSERT OR REPLACE INTO journal SELECT seq, at_ms, boot, monotonic_ns, host, pid, 'other.kind', subject, details FROM journal`,
      "UPDATE plans SET document = '{}'",
      "DELETE FROM plans",
    ]) {
      assert.throws(() => database.exec(sql), /append-only/, sql);
    }
  });
  using again = openLedger(state);
  assert.equal(again.journal.last(1)[0]?.kind, "test.done");
});

test("numbers of the journal only grow, also behind a row that was never kept", () => {
  using ledger = openLedger(newState());
  const first = ledger.journal.record("test.one", "x");
  assert.throws(() =>
    ledger.transaction(() => {
      ledger.journal.record("test.two", "x");
      throw new Error("undone");
    }),
  );
  const third = ledger.journal.record("test.three", "x");
  assert.ok(third > first);
  assert.deepEqual(
    ledger.journal.last(9).map(({ kind }) => kind),
    ["test.one", "test.three"],
  );
});

test("a clock that goes backwards shows, and reorders nothing; what took how long is right all the same", () => {
  const clock = new HandSetClock();
  using ledger = openLedger(newState(), { clock });
  ledger.journal.record("test.before", "x");
  const [id = 0n] = ledger.attempts.start([{ unit: "U", build: 1, attempt: 1n }]);
  clock.nowMs -= 3_600_000;
  clock.upNs += 2_500_000_000n;
  ledger.attempts.end(id, { kind: "done", trades: 5n, bars: 2 });
  clock.nowMs += 1000;
  ledger.journal.record("test.after", "x");
  const events = ledger.journal.last(9);
  assert.deepEqual(
    events.map(({ kind, backMs }) => [kind, backMs]),
    [
      ["test.before", 0],
      ["attempt.started", 0],
      ["attempt.ended", 3_600_000],
      ["test.after", 0],
    ],
  );
  assert.ok(events.every(({ boot }) => boot === "boot-1"));
  const up = events.map(({ monotonicNs }) => monotonicNs);
  assert.ok(up.every((ns, i) => ns >= (up[i - 1] ?? 0n)));
  assert.equal(ledger.journal.summary().clockBack, 1n);
  assert.equal(z.object({ elapsedMs: z.number() }).parse(events[2]?.details).elapsedMs, 2500);
});

test("events are found by subject and by the beginning of their kind, the last ones, oldest first", () => {
  using ledger = openLedger(newState());
  for (const [kind, subject] of [
    ["attempt.started", "a"],
    ["attempt.ended", "a"],
    ["attempt.started", "b"],
    ["plan.stored", "b"],
  ] as const) {
    ledger.journal.record(kind, subject);
  }
  const kinds = (filter: { subject?: string; kind?: string }, limit = 9): string[] =>
    ledger.journal.last(limit, filter).map(({ kind, subject }) => `${kind} ${subject}`);
  assert.deepEqual(kinds({ subject: "a" }), ["attempt.started a", "attempt.ended a"]);
  assert.deepEqual(kinds({ kind: "attempt" }, 2), ["attempt.ended a", "attempt.started b"]);
  assert.deepEqual(kinds({ kind: "plan.", subject: "b" }), ["plan.stored b"]);
});

test("an attempt has one end; one whose process is gone is ended by the next run, whatever that does", () => {
  const state = newState();
  using ledger = openLedger(state);
  const [id = 0n] = ledger.attempts.start([{ unit: "U", build: 1, attempt: 1n }]);
  ledger.attempts.end(id, { kind: "partial", code: "MISSING_DAY", trades: 1n, bars: 1 });
  ledger.attempts.end(id, { kind: "done", trades: 2n, bars: 2 });
  ledger.attempts.start([{ unit: "U", build: 1, attempt: 2n }]);
  // As a process leaves it that was killed.
  withFile(state, (other) => other.exec("UPDATE attempts SET process_start = 'gone' WHERE result IS NULL"));
  ledger.attempts.endAbandoned();
  ledger.attempts.endAbandoned();
  ledger.attempts.start([{ unit: "V", build: 1, attempt: 3n }]);
  assert.deepEqual(
    [...ledger.attempts.counts()].toSorted(([a = ""], [b = ""]) => a.localeCompare(b)),
    [
      [undefined, 1],
      ["failed", 1],
      ["partial", 1],
    ],
  );
  const ends = ledger.journal.last(9, { kind: "attempt.ended" });
  assert.deepEqual(
    ends.map(({ details }) => z.object({ result: z.string(), code: z.string() }).parse(details)),
    [
      { result: "partial", code: "MISSING_DAY" },
      { result: "failed", code: "PROCESS_GONE" },
    ],
  );
});

test("a plan is found by the beginning of its id; an unknown, a short and an altered one are refused", () => {
  const state = newState();
  const id = ((): string => {
    using ledger = openLedger(state);
    const stored = ledger.plans.put({ b: [1, "x", null, true], a: { d: 1, c: 2 } });
    assert.equal(
      ledger.plans.put({ a: { c: 2, d: 1 }, b: [1, "x", null, true] }),
      stored,
      "the order of names is nothing",
    );
    assert.equal(ledger.plans.find(stored.slice(0, 6)).document, '{"a":{"c":2,"d":1},"b":[1,"x",null,true]}');
    assert.equal(failureOf(() => ledger.plans.find("ffff0000")).code, "UNKNOWN_PLAN");
    for (const bad of ["abc", "xyzxyz", "", "ABCDEF12", "%%%%"]) {
      assert.equal(failureOf(() => ledger.plans.find(bad)).code, "BAD_PLAN_ID", bad);
    }
    return stored;
  })();
  withFile(state, (database) => {
    database.exec("DROP TRIGGER plans_no_update");
    database.exec(`UPDATE plans SET document = '{"a":1}'`);
  });
  using ledger = openLedger(state);
  const failure = failureOf(() => ledger.plans.find(id));
  assert.ok(failure instanceof RefusedError);
  assert.equal(failure.code, "PLAN_ALTERED");
});

test("two plans that begin alike are told apart", () => {
  using ledger = openLedger(newState());
  const ids = ledger.transaction(() => Array.from({ length: 600 }, (_, i) => ledger.plans.put({ i })));
  const alike = [...Map.groupBy(ids, (id) => id.slice(0, 4)).values()];
  const pair = alike.find(({ length }) => length > 1);
  assert.ok(pair !== undefined, "600 ids, 65536 beginnings");
  const failure = failureOf(() => ledger.plans.find(pair[0]?.slice(0, 4) ?? ""));
  assert.equal(failure.code, "AMBIGUOUS_PLAN");
  assert.match(failure.hint ?? "", new RegExp(`${pair.toSorted()[0]}`));
});

test("an alert that waits is not put beside itself; a transaction that is undone leaves none", () => {
  using ledger = openLedger(newState());
  const alert = { fingerprint: "f", severity: "warning", text: "t" } as const;
  assert.throws(() =>
    ledger.transaction(() => {
      ledger.outbox.enqueue(alert);
      throw new Error("undone");
    }),
  );
  assert.equal(ledger.outbox.pending(), 0);
  assert.equal(ledger.outbox.enqueue(alert), true);
  assert.equal(ledger.outbox.enqueue(alert), false);
  assert.equal(ledger.outbox.enqueue({ ...alert, fingerprint: "g" }), true);
  assert.equal(ledger.outbox.pending(), 2);
});

test("the first store that it meets is the one it belongs to", () => {
  using ledger = openLedger(newState());
  ledger.belongTo("one");
  ledger.belongTo("one");
  const failure = failureOf(() => ledger.belongTo("two"));
  assert.ok(failure instanceof RefusedError);
  assert.equal(failure.code, "LEDGER_OTHER_STORE");
  assert.equal(exitCodeOf(failure), 4);
  assert.equal(ledger.storeId, "one");
});

test("what is noted of a host is there until it is removed; of another release's shape there is nothing", () => {
  using ledger = openLedger(newState());
  const shape = z.strictObject({ version: z.literal(1), text: z.string() });
  ledger.hostNotes.put("alpha", "holds", { version: 1, text: "one" });
  ledger.hostNotes.put("alpha", "holds", { version: 1, text: "two" });
  assert.deepEqual(ledger.hostNotes.get("alpha", "holds", shape), { version: 1, text: "two" });
  assert.equal(ledger.hostNotes.get("beta", "holds", shape), undefined);
  ledger.hostNotes.put("alpha", "holds", { version: 2 });
  assert.equal(ledger.hostNotes.get("alpha", "holds", shape), undefined);
  ledger.hostNotes.remove("alpha", "holds");
  assert.equal(ledger.hostNotes.get("alpha", "holds", z.unknown()), undefined);
});
