import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Experience } from "../../lib/fleet/experience.ts";
import type { JobView } from "../../lib/fleet/host-view.ts";
import { verdictOn } from "../../lib/fleet/verdict.ts";
import { openLedger, type AttemptResult, type Ledger } from "../../lib/ledger/index.ts";
import { parseSegmentId } from "../../lib/model/segments.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { temporaryFolder } from "../ops/run.ts";

const job = "BTCUSDT@250:2024";
const entry = { memoryMb: 8000 };
const name = {
  venue: "binance",
  market: "spot",
  symbol: "BTCUSDT",
  segment: parseSegmentId("2024"),
  thresholds: [parseThreshold(250)],
} as const;
const megabyte = 1e6;

function newLedger(): Ledger {
  return openLedger(join(temporaryFolder("verdict"), "state"));
}

/** What an attempt that crashed was measured at; a test says what else it was. */
function ended(ledger: Ledger, attempt: number, more: Partial<AttemptResult>, of = job): void {
  const result: AttemptResult = {
    outcome: "exited",
    exit_code: 70,
    code: null,
    limit_bytes: 500 * megabyte,
    peak_bytes: 300 * megabyte,
    resident_peak_bytes: 300 * megabyte,
    cpu_ms: 9000,
    duration_ms: 11_000,
    trades: 50_000_000,
    bars: 10,
    started_ms: attempt * 1000,
    ended_ms: attempt * 1000 + 500,
    ...more,
  };
  ledger.jobAttempts.ended({ host: "h", label: `${of}#${attempt}~0`, job: of, group: "p2", attempt }, result);
}

function kindOf(ledger: Ledger, isNamed = false, where: JobView["where"] = { kind: "lost" }): string {
  return verdictOn({ job, where, isCancelled: false }, entry, isNamed, ledger).kind;
}

test("three crashes of its own put a job into quarantine; who names it has it tried again, and a success forgets them", () => {
  using ledger = newLedger();
  assert.equal(kindOf(ledger), "again", "nothing is known");
  ended(ledger, 1, { outcome: "signalled", exit_code: null, code: "SIGSEGV" });
  ended(ledger, 2, {});
  assert.equal(kindOf(ledger), "again");
  ended(ledger, 3, {});
  assert.equal(kindOf(ledger), "quarantined");
  assert.equal(kindOf(ledger, true), "again");
  ended(ledger, 4, { exit_code: 0 });
  ended(ledger, 5, {});
  assert.equal(kindOf(ledger), "again");
});

test("a host that was lost, a store that was away and a lease that was held are not the job's fault", () => {
  using ledger = newLedger();
  for (let attempt = 1; attempt <= 4; attempt += 1) {
    ended(ledger, attempt * 3, { outcome: "lost", exit_code: null });
    ended(ledger, attempt * 3 + 1, { exit_code: 2, code: "STORE_AWAY" });
    ended(ledger, attempt * 3 + 2, { exit_code: 4, code: "LEASE_HELD" });
  }
  assert.equal(kindOf(ledger), "again");
  ended(ledger, 99, { outcome: "lost", exit_code: null });
  assert.equal(kindOf(ledger), "quarantined", "five hosts lost under it may be what it does to them");
});

test("what was stopped to make room, however it ended, is nobody's fault and uses up nothing", () => {
  using ledger = newLedger();
  for (let attempt = 1; attempt <= 6; attempt += 1) {
    const end = attempt % 2 === 0 ? ({ outcome: "lost" } as const) : ({ outcome: "signalled" } as const);
    ended(ledger, attempt, { ...end, exit_code: null, code: "STOPPED" });
    assert.equal(kindOf(ledger), "again");
  }
  ended(ledger, 7, {});
  ended(ledger, 8, {});
  assert.equal(kindOf(ledger), "again", "two failures of its own");
});

test("what a person ended is left, what a corrected setting would not change is quarantined, and no name helps where memory is out", () => {
  using ledger = newLedger();
  ended(ledger, 1, { exit_code: 130 });
  ledger.jobAttempts.cancelled({ host: "h", label: `${job}#1~0`, job, group: "p2", attempt: 1 });
  assert.equal(kindOf(ledger), "cancelled");
  assert.equal(kindOf(ledger, true), "again");
  ended(ledger, 2, { exit_code: 3, code: "BAD_THRESHOLD" });
  assert.equal(kindOf(ledger), "quarantined");
});

test("what five jobs of its kind were measured at is asked for, and how long they took is expected", () => {
  using ledger = newLedger();
  const sized = { ...name, group: "p2", archiveBytes: 16 * 50_000_000 } as const;
  assert.equal(new Experience(ledger).needsOf(sized).memory.basis, "guessed");
  for (let i = 1; i <= 5; i += 1) ended(ledger, i, { exit_code: 0 }, `S${i}USDT@250:2024`);
  const { memory, seconds } = new Experience(ledger).needsOf(sized);
  assert.equal(memory.basis, "learned");
  assert.ok(memory.requestBytes >= 300 * megabyte * 1.15 && memory.requestBytes < 380 * megabyte);
  assert.equal(seconds, 11);
  // Its own attempt needed more, and had not enough: resident memory and the limit count, cached pages do not.
  ended(ledger, 1, { exit_code: 0, peak_bytes: 900 * megabyte, resident_peak_bytes: 400 * megabyte });
  assert.equal(new Experience(ledger).needsOf(sized).memory.basis, "measured");
  ended(ledger, 2, { outcome: "out-of-memory", exit_code: null, peak_bytes: 600 * megabyte });
  const { memory: more } = new Experience(ledger).needsOf(sized);
  assert.equal(more.basis, "escalated");
  assert.ok(more.requestBytes >= 900 * megabyte);
  assert.equal(more.outgrownBytes, 500 * megabyte);
});
