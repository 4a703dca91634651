import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { FleetHost } from "../../lib/config/index.ts";
import type { HostView, JobState, JobView } from "../../lib/fleet/host-view.ts";
import { parseWakeTime } from "../../lib/ledger/clock.ts";
import { openLedger, type Heartbeat } from "../../lib/ledger/index.ts";
import { RetryableError } from "../../lib/model/errors.ts";
import { withdraw } from "../../lib/notify/withdraw.ts";
import type { RunResult } from "../../lib/queue/job-files.ts";
import { parseLabel } from "../../lib/queue/label.ts";
import type { Finding, FindingKind } from "../../lib/watch/finding.ts";
import { recordLook, type RecordedLook } from "../../lib/watch/record-look.ts";
import { attemptFindings } from "../../lib/watch/heartbeat/attempt-findings.ts";
import { hostFindings, serviceFindings } from "../../lib/watch/heartbeat/host-findings.ts";
import { hostsPart } from "../../lib/watch/heartbeat/hosts-part.ts";
import { missedFindings } from "../../lib/watch/heartbeat/missed.ts";
import { outboxPart } from "../../lib/watch/heartbeat/own-parts.ts";
import { runParts, type Part } from "../../lib/watch/heartbeat/part.ts";
import { temporaryFolder } from "../ops/run.ts";
import { HandMovedClock } from "../rig/ledger-clock.ts";

const nowMs = Date.UTC(2024, 2, 5, 9);
const minute = 60_000;
const hour = 60 * minute;
const never = new AbortController().signal;

function passAt(clock: HandMovedClock, everyMs: number | undefined = 15 * minute): Heartbeat {
  return {
    id: 1,
    startedMs: clock.wallMs(),
    boot: clock.boot,
    monotonicNs: clock.monotonicNs(),
    everyMs,
    endedMs: clock.wallMs(),
    result: "clean",
  };
}

function missedAfter(change: (clock: HandMovedClock) => void, everyMs?: number): string | undefined {
  const clock = new HandMovedClock("2024-03-31T00:50:00Z");
  const last = passAt(clock, everyMs);
  change(clock);
  return missedFindings(last, clock)[0]?.evidence["missed"];
}

test("missed passes are counted by the time that the machine was awake", () => {
  assert.equal(
    missedAfter((clock) => clock.pass(15 * minute)),
    undefined,
  );
  assert.equal(
    missedAfter((clock) => clock.pass(20 * minute)),
    undefined,
    "a little late is not missed",
  );
  assert.equal(
    missedAfter((clock) => clock.pass(30 * minute)),
    "1",
  );
  assert.equal(
    missedAfter((clock) => clock.pass(5 * hour)),
    "19",
  );
});

test("a night with the lid closed, a clock that was set and a summer that begins are nobody's fault", () => {
  assert.equal(
    missedAfter((clock) => {
      clock.pass(5 * minute);
      clock.jump(9 * hour);
      clock.pass(10 * minute);
    }),
    undefined,
  );
  assert.equal(
    missedAfter((clock) => {
      clock.jump(-hour);
      clock.pass(15 * minute);
    }),
    undefined,
  );
  assert.equal(
    missedAfter((clock) => {
      clock.jump(hour);
      clock.pass(15 * minute);
    }),
    undefined,
  );
  assert.equal(
    missedAfter((clock) => {
      clock.jump(-24 * hour);
      clock.pass(hour);
    }),
    "3",
    "a clock that was set back hides nothing",
  );
});

test("behind a restart only the time since then counts", () => {
  assert.equal(
    missedAfter((clock) => {
      clock.reboot(3 * hour);
      clock.pass(10 * minute);
    }),
    undefined,
  );
  assert.equal(
    missedAfter((clock) => {
      clock.reboot(3 * hour);
      clock.pass(hour);
    }),
    "3",
  );
});

test("where the forward clock goes on in sleep, as on a Mac, the time since the last wake counts", () => {
  const clock = new HandMovedClock();
  const last = passAt(clock);
  clock.pass(9 * hour);
  const wokeMs = clock.wallMs() - 10 * minute;
  assert.deepEqual(missedFindings(last, Object.assign(clock, { wokeMs: () => wokeMs })), []);
  assert.equal(
    missedFindings(last, Object.assign(clock, { wokeMs: () => last.startedMs - hour }))[0]?.evidence["missed"],
    "35",
  );
  assert.equal(parseWakeTime("{ sec = 1709629200, usec = 123456 } Tue Mar  5 09:00:00 2024\n"), 1_709_629_200_000);
  assert.equal(parseWakeTime("{ sec = 0, usec = 0 } Thu Jan  1 01:00:00 1970\n"), undefined);
});

test("who runs it by hand misses nothing", () => {
  const clock = new HandMovedClock();
  const last = { ...passAt(clock), everyMs: undefined };
  clock.pass(48 * hour);
  assert.deepEqual(missedFindings(last, clock), []);
});

test("a pass by hand hides nothing that the schedule misses after it; a schedule that was ended misses nothing", () => {
  const clock = new HandMovedClock();
  using ledger = openLedger(join(temporaryFolder("by-hand"), "state"), { clock });
  const { heartbeats } = ledger;
  heartbeats.end(heartbeats.start(15 * minute), "clean");
  clock.pass(5 * minute);
  heartbeats.end(heartbeats.start(undefined), "clean");
  clock.pass(15 * minute);
  const missed = (): (string | undefined)[] =>
    missedFindings(heartbeats.last(), clock, heartbeats.everyMs()).map(({ evidence }) => evidence["missed"]);
  assert.deepEqual(missed(), [], "it counts from the pass by hand");
  clock.pass(hour);
  assert.deepEqual(missed(), ["4"]);
  heartbeats.endSchedule();
  assert.deepEqual(missed(), []);
});

test("a part that fails or is late is unknown, and takes nothing from the others", async () => {
  const well: Part = { name: "well", look: async () => Promise.resolve({ findings: [], examined: [], note: "all" }) };
  const late: Part = { name: "late", look: async () => new Promise(() => undefined) };
  const away: Part = {
    name: "away",
    look: async () => Promise.reject(new RetryableError("nobody answers", { code: "AWAY" })),
  };
  const bug: Part = { name: "bug", look: async () => Promise.reject(new TypeError("undefined is no function")) };
  const logged: string[] = [];
  const results = await runParts([well, late, away, bug], 50, never, (line) => logged.push(line));
  assert.deepEqual(
    results.map(({ name, state, findings }) => [name, state, findings.map(({ evidence }) => evidence["code"])]),
    [
      ["well", "well", []],
      ["late", "unknown", ["OUT_OF_TIME"]],
      ["away", "unknown", ["AWAY"]],
      ["bug", "unknown", ["INTERNAL_ERROR"]],
    ],
  );
  for (const { kind, verdict, place, subject } of results.flatMap(({ findings }) => findings)) {
    assert.deepEqual([kind, verdict, subject], ["heartbeat-partial", "unknown", "watch"]);
    assert.ok(place !== undefined);
  }
  assert.match(logged[0] ?? "", /bug: internal error: TypeError/);
});

const entry: FleetHost = {
  name: "bigbox",
  sshAlias: "bigbox",
  directory: "/srv/barkeep",
  queue: "pueue",
  memoryMb: 4000,
  jobsMax: 4,
  storeUrl: "http://localhost:8123",
  thresholds: undefined,
  services: [],
};

function job(name: string, state: JobState, more: Partial<JobView> = {}): JobView {
  const label = parseLabel(`${name}#1~0f9c`);
  assert.ok(label !== undefined);
  const task = {
    label: name,
    group: "p2",
    state: { kind: "queued" },
    number: "1",
    createdAt: "2024-03-05T09:00:00Z",
  } as const;
  const advice = { text: "it ended with exit code 2", fix: `barkeep retry ${name} --host bigbox` };
  return {
    job: name,
    label,
    task,
    where: { kind: "waiting" },
    state,
    record: undefined,
    work: undefined,
    isCancelled: false,
    residentBytes: undefined,
    advice,
    ...more,
  };
}

function view(jobs: readonly JobView[], more: Partial<HostView> = {}): HostView {
  return { entry, groups: [], jobs, foreignTasks: 0, machine: undefined, holds: new Map(), drain: undefined, ...more };
}

const work = (code: string): JobView["work"] => ({
  version: 1,
  days_done: 1,
  days_total: 2,
  trades: "1",
  bars: 1,
  elapsed_ms: 1,
  at: "2024-03-05T09:00:00Z",
  exit_code: 2,
  failures: [{ code, message: "away", subject: null, hint: null }],
});

const isWhole = (unit: string): boolean => unit.startsWith("SOLUSDT");

test("a host's paused groups, failed jobs, failed writes, and what it is short of", () => {
  const machine = { cores: 8, load: 1, memoryBytes: 64e9, availableBytes: 1e9 };
  const groups = [
    { name: "p2", status: "paused", parallel: 2 },
    { name: "p1", status: "paused", parallel: 2 },
  ] as const;
  const jobs = [
    job("BTCUSDT@250:2023", "waiting"),
    job("BTCUSDT@250:2024", "failed"),
    job("ETHUSDT@250:2024", "failed", { work: work("STORE_AWAY") }),
    job("SOLUSDT@250+500:2024", "failed"),
    job("XRPUSDT@250:2024", "done"),
  ];
  const findings = hostFindings(view(jobs, { groups, machine }), 1e9, isWhole, nowMs);
  assert.deepEqual(
    findings.map(({ kind, subject, place }) => [kind, subject, place]),
    [
      ["group-paused", "host:bigbox", "p2"],
      ["job-failed", "BTCUSDT@250:2024", "bigbox"],
      ["store-write-failed", "ETHUSDT@250:2024", "bigbox"],
      ["host-unsound", "host:bigbox", "memory"],
      ["host-unsound", "host:bigbox", "disk"],
    ],
  );
  for (const { evidence } of findings) assert.equal(evidence["host"], "bigbox");
  const hold = { group: "p2", why: "memory", reason: "memory is short", since: "2024-03-05T09:00:00Z" } as const;
  const held = hostFindings(view(jobs, { groups, holds: new Map([["p2", hold]]) }), undefined, isWhole, nowMs);
  assert.deepEqual(
    held.map(({ kind }) => kind),
    ["job-failed", "store-write-failed"],
    "what barkeep holds is no trouble",
  );
  const doubtful = hostFindings(view(jobs), undefined, () => undefined, nowMs);
  assert.deepEqual(
    doubtful.map(({ verdict }) => verdict),
    ["unknown", "unknown", "unknown"],
    "nobody knows whether they are whole",
  );
});

function queueTroubles(jobs: readonly JobView[]): string[] {
  const findings = hostFindings(view(jobs), undefined, isWhole, nowMs);
  return findings.map(({ kind, place, summary }) => `${kind} ${place}: ${summary}`);
}

test("a queue that does not get on: more than 50 jobs wait, or one runs for more than four hours", () => {
  const ran = (hours: number): JobView["task"] => ({
    ...job("SOLUSDT@250:2024", "running").task,
    state: { kind: "running", startedAt: new Date(nowMs - hours * hour).toISOString() },
  });
  const queued = (count: number): JobView[] => Array.from({ length: count }, () => job("BTCUSDT@250:2023", "waiting"));
  assert.deepEqual(queueTroubles([...queued(50), job("SOLUSDT@250:2024", "running", { task: ran(3.9) })]), []);
  assert.deepEqual(queueTroubles(queued(51)), ["host-unsound queue: 51 jobs wait in its queue"]);
  assert.deepEqual(queueTroubles([job("SOLUSDT@250:2024", "running", { task: ran(4.1) })]), [
    "host-unsound queue: SOLUSDT@250:2024 runs for more than 4 h",
  ]);
});

test("a service that does not run as it is to is told by its name", () => {
  const well = { installed: "yes", isEnabled: true, failure: undefined, next: undefined, trouble: undefined } as const;
  const found = serviceFindings(entry, [
    { ...well, service: "pueued", state: "active (running)" },
    { ...well, service: "heal", state: "failed (failed)", trouble: "watchdog, exit 0" },
    { ...well, service: "check", installed: "no", state: undefined, trouble: "not installed, and fleet.toml names it" },
  ]);
  assert.deepEqual(
    found.map(({ kind, subject, place, summary }) => [kind, subject, place, summary]),
    [
      ["service-failed", "host:bigbox", "heal", "watchdog, exit 0"],
      ["service-failed", "host:bigbox", "check", "not installed, and fleet.toml names it"],
    ],
  );
});

function trouble(kind: FindingKind, subject: string, evidence: Record<string, string>): Finding {
  return { kind, subject, verdict: "wrong", summary: "", evidence };
}

test("what was wrong with a host that is in the fleet no more is over; this machine's own troubles are not its affair", async () => {
  using ledger = openLedger(join(temporaryFolder("hosts"), "state"));
  const part = hostsPart(
    { fleetFile: undefined, sshConfigFile: undefined },
    ledger,
    Promise.resolve(() => undefined),
  );
  const { examined } = await part.look(never);
  const gone = { host: "gone" };
  const findings = [
    trouble("service-failed", "host:gone", gone),
    trouble("host-unsound", "host:gone", gone),
    trouble("job-failed", "BTCUSDT@250:2024", gone),
    trouble("store-write-failed", "BTCUSDT@250:2024", {}),
    trouble("host-unsound", "watch", {}),
  ];
  recordLook(ledger, { source: "test", findings, examined: [] });
  for (let i = 0; i < 3; i += 1) recordLook(ledger, { source: "test", findings: [], examined });
  assert.deepEqual(
    ledger.incidents.live().map(({ kind, subject }) => [kind, subject]),
    [
      ["store-write-failed", "BTCUSDT@250:2024"],
      ["host-unsound", "watch"],
    ],
  );
});

test("a job that was ended for its memory and fits no larger is quarantined", () => {
  const result: RunResult = {
    version: 1,
    label: "BTCUSDT@250:2024#1~0f9c",
    unit: "BTCUSDT@250:2024",
    host: "bigbox",
    outcome: "out-of-memory",
    guard: "scope",
    memoryMaxBytes: 4e9,
    memoryPeakBytes: 3.9e9,
    residentPeakBytes: 3.9e9,
    outOfMemoryKills: 1,
    cpuMs: 60_000,
    readBytes: 0,
    writtenBytes: 0,
    startedAt: "2024-03-05T08:00:00.000Z",
    endedAt: "2024-03-05T08:01:00.000Z",
    durationMs: 60_000,
  };
  const where = { kind: "finished", result } as const;
  const [finding] = hostFindings(view([job("BTCUSDT@250:2024", "failed", { where })]), undefined, () => false, nowMs);
  assert.equal(finding?.kind, "job-quarantined");
});

test("a unit whose last attempt could not write is told until it is whole; another failure is not of the store", () => {
  const clock = new HandMovedClock();
  using ledger = openLedger(join(temporaryFolder("attempts"), "state"), { clock });
  const attempt = (unit: string, code: string | undefined): void => {
    const [id = 0n] = ledger.attempts.start([{ unit, build: 1, attempt: 1n }]);
    ledger.attempts.end(id, { kind: code === undefined ? "done" : "failed", code, trades: 0n, bars: 0 });
  };
  attempt("A@250:2024", "STORE_AWAY");
  attempt("B@250:2024", "DISK_FULL");
  attempt("C@250:2024", "PROCESS_GONE");
  attempt("D@250:2024", "STORE_MEMORY");
  attempt("D@250:2024", undefined);
  const found = (isWhole: (unit: string) => boolean | undefined): string[] =>
    attemptFindings(ledger.attempts.lastFailed(), isWhole).map(({ kind, subject }) => `${kind} ${subject}`);
  assert.deepEqual(
    found(() => undefined),
    ["store-write-failed A@250:2024", "store-write-failed B@250:2024"],
  );
  assert.deepEqual(
    found((unit) => unit.startsWith("A")),
    ["store-write-failed B@250:2024"],
  );
});

test("a channel that takes nothing for an hour is told", async () => {
  const clock = new HandMovedClock();
  using ledger = openLedger(join(temporaryFolder("outbox"), "state"), { clock });
  ledger.outbox.enqueue({ fingerprint: "a", severity: "info", text: "a" });
  const [message] = ledger.outbox.waiting();
  assert.ok(message !== undefined);
  const part = outboxPart(ledger, { notify: ["telegram", "ping"] });
  const kinds = async (): Promise<string[]> =>
    (await part.look(never)).findings.map(({ kind, place }) => `${kind} ${place}`);
  for (let i = 0; i < 5; i += 1) {
    const claim = ledger.deliveries.claim(message, "telegram");
    assert.ok(typeof claim === "object");
    ledger.deliveries.finish(claim, { result: "failed", reason: "403 Forbidden: bot was kicked" });
    assert.deepEqual(await kinds(), []);
    clock.pass(14 * minute);
  }
  assert.deepEqual(await kinds(), ["notify-failing telegram"]);
});

test("messages that a channel refuses for themselves are told of after an hour, by what it takes, until they are gone", async () => {
  const clock = new HandMovedClock();
  using ledger = openLedger(join(temporaryFolder("refused"), "state"), { clock });
  for (const fingerprint of ["a", "b"]) ledger.outbox.enqueue({ fingerprint, severity: "warning", text: " " });
  const part = outboxPart(ledger, { notify: ["telegram", "webhook"] });
  const refuse = (): void => {
    for (const message of ledger.outbox.waiting()) {
      const claim = ledger.deliveries.claim(message, "telegram");
      assert.ok(typeof claim === "object");
      ledger.deliveries.finish(claim, { result: "failed", reason: "400 text is empty", isOfMessage: true });
      ledger.deliveries.release(claim);
    }
  };
  refuse();
  clock.pass(59 * minute);
  refuse();
  assert.deepEqual((await part.look(never)).findings, []);
  clock.pass(minute);
  const [found, ...others] = (await part.look(never)).findings;
  assert.deepEqual(others, []);
  assert.equal(found?.place, "messages of telegram");
  assert.match(found?.summary ?? "", /^telegram has refused message 1 and 1 more for 1 h 0 min: 400 text is empty$/);
  ledger.outbox.close(1, "sent");
  assert.match((await part.look(never)).findings[0]?.summary ?? "", /refused message 2 for/);
  ledger.outbox.close(2, "sent");
  assert.deepEqual((await part.look(never)).findings, []);
});

test("a message that is withdrawn is no trouble at the next look, and what it told of is said again in its time", async () => {
  const clock = new HandMovedClock();
  using ledger = openLedger(join(temporaryFolder("withdrawn"), "state"), { clock });
  const part = outboxPart(ledger, { notify: ["telegram"] });
  const hole: Finding = {
    kind: "gap-interior",
    subject: "range:binance/spot/BTCUSDT@250",
    place: "2024-03-01",
    verdict: "wrong",
    summary: "ids 5 … 9 are missing",
    evidence: {},
  };
  const look = async (): Promise<RecordedLook> => {
    const { findings, examined } = await part.look(never);
    return recordLook(ledger, { source: "test", findings: [hole, ...findings], examined });
  };
  await look();
  const [opened] = ledger.outbox.waiting();
  assert.ok(opened !== undefined);
  const claim = ledger.deliveries.claim(opened, "telegram");
  assert.ok(typeof claim === "object");
  ledger.deliveries.finish(claim, { result: "failed", reason: "400 message is too long", isOfMessage: true });
  ledger.deliveries.release(claim);
  clock.pass(59 * minute);
  await look();
  clock.pass(minute);
  const { opened: troubles, reminded } = await look();
  assert.deepEqual(
    [troubles.map(({ kind }) => kind), reminded.map(({ kind }) => kind)],
    [["notify-failing"], ["gap-interior"]],
  );
  assert.deepEqual(
    ledger.outbox.waiting().map(({ kind, incidents }) => [kind, incidents]),
    [
      ["opened", [1]],
      ["opened", [2]],
      ["reminder", [1]],
    ],
  );

  withdraw(ledger, ["1", "3"], "somebody");
  clock.pass(15 * minute);
  const { resolved, live } = await look();
  assert.deepEqual(
    [resolved.map(({ kind }) => kind), live.map(({ kind }) => kind)],
    [["notify-failing"], ["gap-interior"]],
  );
  clock.pass(105 * minute);
  assert.deepEqual(
    (await look()).reminded.map(({ id }) => id),
    [1],
    "two hours after the reminder that was withdrawn",
  );
  assert.deepEqual(ledger.outbox.waiting().at(-1)?.incidents, [1]);
});
