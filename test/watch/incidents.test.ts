import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import { explainIncident } from "../../lib/watch/explain-incident.ts";
import type { Finding, FindingKind } from "../../lib/watch/finding.ts";
import { findIncident } from "../../lib/watch/find-incident.ts";
import { allKinds } from "../../lib/watch/kinds.ts";
import type { Examined, LookStart } from "../../lib/watch/look.ts";
import { recordLook, startLook, type RecordedLook } from "../../lib/watch/record-look.ts";
import { temporaryFolder } from "../ops/run.ts";
import { HandMovedClock } from "../rig/ledger-clock.ts";

const minute = 60_000;
const hour = 60 * minute;
const btc = "range:binance/spot/BTCUSDT@250";
const eth = "range:binance/spot/ETHUSDT@250";

function finding(kind: FindingKind, subject: string, more: Partial<Finding> = {}): Finding {
  return { kind, subject, verdict: "wrong", summary: `${kind} of ${subject}`, evidence: {}, ...more };
}

const hole = finding("gap-interior", btc, { place: "2024-03-01", evidence: { ids: "5..9" } });
const everything: readonly Examined[] = [{ kinds: allKinds, subjects: "all" }];

class Watch implements Disposable {
  readonly clock = new HandMovedClock();
  readonly ledger: Ledger = openLedger(join(temporaryFolder("incidents"), "state"), { clock: this.clock });

  /** A look at everything, a quarter of an hour after the one before. */
  look(findings: readonly Finding[], examined = everything): RecordedLook {
    this.clock.pass(15 * minute);
    return recordLook(this.ledger, { source: "test", findings, examined });
  }

  /** What waits to be sent, first lines. */
  get outbox(): string[] {
    return this.ledger.outbox.waiting().map(({ kind, text }) => `${kind}: ${text.split("\n")[0]}`);
  }

  get states(): string[] {
    return this.ledger.incidents.last(20).map(({ kind, state }) => `${kind} ${state}`);
  }

  [Symbol.dispose](): void {
    this.ledger.close();
  }
}

test("a finding becomes one incident, said once for as long as it is found, and once more when it is over", () => {
  using watch = new Watch();
  assert.equal(watch.look([hole]).opened.length, 1);
  assert.equal(watch.look([hole]).opened.length, 0);
  assert.equal(watch.ledger.outbox.pending(), 1);
  const [message] = watch.ledger.outbox.waiting();
  assert.match(
    message?.text ?? "",
    /🔴 Something is wrong on .*\n#1 range:binance\/spot\/BTCUSDT@250, 2024-03-01: there is a hole/,
  );
  assert.match(message?.text ?? "", /barkeep explain 1 · docs\/alerts\.md#gap-interior/);
  assert.deepEqual(message?.incidents, [1]);
  const { resolved, live } = watch.look([]);
  assert.equal(resolved[0]?.id, 1);
  assert.deepEqual(live, []);
  assert.match(watch.outbox[1] ?? "", /^resolved: ✅ Over on/);
  assert.equal(watch.look([hole]).opened[0]?.id, 2, "the same again is another incident");
});

test("all that a look finds is one message, the worst first; what is too much is counted", () => {
  using watch = new Watch();
  const many = Array.from({ length: 20 }, (_, i) => finding("price-jump", `range:binance/spot/S${i}@250`));
  watch.look([...many, hole]);
  const [message, ...others] = watch.ledger.outbox.waiting();
  assert.deepEqual(others, []);
  const lines = message?.text.split("\n") ?? [];
  assert.match(lines[0] ?? "", /21 things are wrong/);
  assert.match(lines[1] ?? "", /BTCUSDT/);
  assert.equal(lines.at(-1), "and 9 more: barkeep incidents");
  assert.equal(message?.severity, "critical");
  watch.look([]);
  watch.look([]);
  const over = watch.ledger.outbox.waiting().find(({ kind }) => kind === "resolved");
  assert.match(
    over?.text ?? "",
    /\nand 9 more: barkeep incidents --past$/,
    "what is over is in no list of what is not",
  );
});

test("a look ends only what it would have seen: of its place, of its verdict, in what it read", () => {
  using watch = new Watch();
  const local = finding("store-write-failed", "BTCUSDT@250:2024");
  const onHost = { ...local, subject: "ETHUSDT@250:2024", place: "bigbox", evidence: { host: "bigbox" } };
  const byBars = { ...hole, evidence: { seen_in: "bars" } };
  watch.look([local, onHost, byBars]);
  const coverageAlone: readonly Examined[] = [
    { kinds: ["gap-interior"], subjects: "all" },
    { kinds: ["store-write-failed"], subjects: "all", wouldSee: ({ place }) => place === undefined },
  ];
  assert.deepEqual(
    watch.look([], coverageAlone).resolved.map(({ subject }) => subject),
    ["BTCUSDT@250:2024"],
  );
  assert.deepEqual(
    watch
      .look([], [{ kinds: ["gap-interior"], subjects: "all", looksAtBars: true }])
      .resolved.map(({ subject }) => subject),
    [btc],
  );
});

test("a look that could not look ends no incident, nor does one that looked elsewhere", () => {
  using watch = new Watch();
  watch.look([hole]);
  watch.look([], []);
  watch.look([], [{ kinds: ["gap-interior"], subjects: new Set([eth]) }]);
  watch.look([], [{ kinds: ["gap-leading"], subjects: new Set([btc]) }]);
  assert.equal(watch.ledger.incidents.byId(1)?.state, "open");
  watch.look([{ ...hole, verdict: "unknown", summary: "no answer" }]);
  assert.equal(watch.ledger.incidents.byId(1)?.verdict, "wrong", "who has seen it knows more than who could not look");
  watch.look([], [{ kinds: ["gap-interior"], subjects: new Set([btc]) }]);
  assert.equal(watch.ledger.incidents.byId(1)?.state, "resolved");
});

test("what could not be looked at casts doubt on what it would have shown, and on nothing else of its subject", () => {
  using watch = new Watch();
  const unreadable = finding("gap-unknown", btc, { verdict: "unknown", place: "published digests" });
  const edge = finding("gap-unknown", btc, { verdict: "unknown" });
  const away = finding("host-unreachable", "host:a", { verdict: "unknown" });
  const late = finding("heartbeat-partial", "watch", { verdict: "unknown", place: "hosts" });
  const unknown = [edge, away, late];
  watch.look([
    hole,
    finding("gap-trailing", btc),
    finding("series-not-fresh", btc),
    finding("checkpoint-differs", btc, { place: "BTCUSDT@250:2024" }),
    finding("heartbeat-missed", "watch"),
    finding("notify-failing", "watch", { place: "telegram" }),
    finding("heartbeat-partial", "watch", { verdict: "unknown", place: "series" }),
    finding("group-paused", "host:a", { place: "p1" }),
    finding("host-unsound", "host:a", { place: "disk" }),
    finding("service-failed", "host:b", { place: "autoscaler" }),
  ]);
  const noService = finding("service-failed", "host:b", { verdict: "unknown" });
  for (let i = 0; i < 3; i += 1) watch.look([...unknown, noService]);
  const live = (): string[] => watch.ledger.incidents.live().map(({ kind, place = "" }) => `${kind} ${place}`);
  assert.deepEqual(live(), [
    "gap-trailing ",
    "group-paused p1",
    "host-unsound disk",
    "service-failed autoscaler",
    "host-unreachable ",
    "gap-unknown ",
    "heartbeat-partial hosts",
    "service-failed ",
  ]);
  for (let i = 0; i < 3; i += 1) watch.look([unreadable]);
  assert.deepEqual(live(), ["gap-unknown published digests"], "what one day was built from is no edge");
});

test("what comes and goes is said when it was found twice, and over when it was not found twice", () => {
  using watch = new Watch();
  const late = finding("archive-unreachable", "archive:spot", { verdict: "unknown" });
  watch.look([late]);
  assert.deepEqual(watch.states, ["archive-unreachable pending"]);
  watch.look([]);
  assert.deepEqual(watch.states, ["archive-unreachable resolved"]);
  assert.deepEqual(watch.outbox, [], "nothing was said of it");
  watch.look([late]);
  assert.equal(watch.look([late]).opened.length, 1);
  assert.equal(watch.look([]).resolved.length, 0);
  watch.look([late]);
  assert.equal(watch.look([]).resolved.length, 0, "the count of good looks begins anew");
  assert.equal(watch.look([]).resolved.length, 1);
});

test("a store that is down hides what could not be looked at for it, and no more than that", () => {
  using watch = new Watch();
  watch.look([hole]);
  const down = finding("store-unreachable", "store", { verdict: "unknown" });
  const unknown = [btc, eth].map((subject) => finding("gap-unknown", subject, { verdict: "unknown" }));
  const first = watch.look([down, ...unknown], []);
  assert.deepEqual(
    first.opened.map(({ kind }) => kind),
    ["store-unreachable"],
  );
  watch.look([down, ...unknown], []);
  assert.match(watch.ledger.outbox.waiting()[1]?.text ?? "", /explains 2 others that are not said/);
  assert.equal(watch.outbox.length, 2, "the hidden ones are not said");
  // The store is back: what it hid ends with it and unsaid, and the hole, which nobody could look at, is still one.
  watch.look([hole]);
  const back = watch.look([hole]);
  assert.deepEqual(
    back.live.map(({ kind }) => kind),
    ["gap-interior"],
  );
  assert.deepEqual(
    back.resolved.map(({ kind }) => kind),
    ["store-unreachable"],
  );
});

test("a host that is down hides its jobs and not another's; what it hid is said when it is back and they are still wrong", () => {
  using watch = new Watch();
  const job = (host: string): Finding => finding("job-failed", `BTCUSDT@250:2024`, { place: host, evidence: { host } });
  const down = finding("host-unreachable", "host:a", { verdict: "unknown" });
  const { opened } = watch.look([job("a"), job("b"), down, finding("group-paused", "host:a", { place: "p1" })]);
  assert.deepEqual(
    opened.map(({ kind, evidence }) => [kind, evidence["host"]]),
    [
      ["host-unreachable", undefined],
      ["job-failed", "b"],
    ],
  );
  watch.look([job("a"), job("b")]);
  const back = watch.look([job("a"), job("b")]);
  assert.deepEqual(
    back.resolved.map(({ kind }) => kind),
    ["host-unreachable"],
  );
  assert.deepEqual(
    back.opened.map(({ evidence }) => evidence["host"]),
    ["a"],
  );
});

test("it is said again until it is over: after an hour, two, four, then daily; the same message takes the place of one that waits", () => {
  using watch = new Watch();
  watch.look([hole]);
  const reminded: number[] = [];
  const startMs = watch.clock.wallMs();
  for (let i = 0; i < 4 * 24 * 4; i += 1) {
    if (watch.look([hole]).reminded.length > 0) reminded.push((watch.clock.wallMs() - startMs) / hour);
  }
  assert.deepEqual(reminded, [1, 3, 7, 15, 31, 55, 79]);
  assert.deepEqual(
    watch.outbox.map((line) => line.split(":")[0]),
    ["opened", "reminder"],
  );
  assert.match(watch.ledger.outbox.waiting()[1]?.text ?? "", /since 2024-03-05 09:15 UTC, 3 d 7 h/);
});

test("a reminder that waits loses nobody when another one takes its place, but who is acked or over by then", () => {
  using watch = new Watch();
  const [second, third] = [finding("gap-leading", eth), finding("gap-interior", eth, { place: "2024-03-02" })];
  watch.look([hole, second, third]);
  for (let i = 0; i < 4; i += 1) watch.look([hole, second, third]);
  const said = (): number[] => (watch.ledger.outbox.waiting().at(-1)?.incidents ?? []).toSorted((a, b) => a - b);
  assert.deepEqual(said(), [1, 3], "the critical ones, after an hour");
  assert.ok(watch.ledger.incidents.ack(3, "me"));
  for (let i = 0; i < 24 - 4; i += 1) watch.look([hole, second, third]);
  assert.deepEqual(said(), [1, 2], "the warning after six hours, and the hole that still waits");
});

test("acked and snoozed incidents are silent; a snooze ends and is said at once; the end is said of both", () => {
  using watch = new Watch();
  watch.look([hole, finding("gap-leading", eth)]);
  assert.ok(watch.ledger.incidents.ack(1, "me"));
  assert.ok(watch.ledger.incidents.snooze(2, hour, "me"));
  for (let i = 0; i < 3; i += 1) assert.equal(watch.look([hole, finding("gap-leading", eth)]).reminded.length, 0);
  assert.deepEqual(
    watch.look([hole, finding("gap-leading", eth)]).reminded.map(({ id }) => id),
    [2],
  );
  assert.equal(watch.ledger.incidents.byId(1)?.state, "acked");
  assert.equal(watch.look([]).resolved.length, 2);
  assert.equal(watch.ledger.incidents.ack(1, "me"), false, "it is over");
  const kinds = watch.ledger.journal.last(20, { kind: "incident." }).map(({ kind }) => kind);
  assert.deepEqual(kinds.slice(0, 4), ["incident.open", "incident.open", "incident.acked", "incident.snoozed"]);
});

test("a clock that is set back neither silences for good nor nags", () => {
  using watch = new Watch();
  watch.look([hole]);
  watch.clock.jump(-48 * hour);
  const said = Array.from({ length: 4 }, () => watch.look([hole]).reminded.length);
  assert.deepEqual(said, [1, 0, 0, 0]);
});

test("a look that began before an incident was seen does not end it, and opens nothing that ended since", () => {
  using watch = new Watch();
  const begin = (): LookStart => startLook(watch.ledger);
  const record = (start: LookStart, ...findings: readonly Finding[]): RecordedLook =>
    recordLook(watch.ledger, { source: "slow", start, findings, examined: everything });
  const early = begin();
  watch.look([hole]);
  const between = begin();
  assert.deepEqual(record(early).resolved, []);
  watch.look([hole]);
  assert.deepEqual(record(between).resolved, [], "it was seen again since");
  assert.equal(watch.ledger.incidents.byId(1)?.goodLooks, 0);
  const later = begin();
  assert.equal(watch.look([]).resolved.length, 1);
  for (const start of [later, early]) assert.deepEqual(record(start, hole).opened, []);
  assert.deepEqual(watch.states, ["gap-interior resolved"]);
  assert.equal(record(begin(), hole).opened.length, 1, "a look that began behind its end sees it anew");
});

test("looks that overlap count as one, of those that find it and of those that do not", () => {
  using watch = new Watch();
  const late = finding("archive-unreachable", "archive:spot", { verdict: "unknown" });
  const record = (start: LookStart, ...findings: readonly Finding[]): RecordedLook =>
    recordLook(watch.ledger, { source: "slow", start, findings, examined: everything });
  const overlapping = startLook(watch.ledger);
  watch.look([late]);
  assert.deepEqual(record(overlapping, late).opened, []);
  assert.equal(record(startLook(watch.ledger), late).opened.length, 1, "a look behind both");
  const again = startLook(watch.ledger);
  watch.look([]);
  assert.deepEqual(record(again).resolved, []);
  assert.equal(record(startLook(watch.ledger)).resolved.length, 1);
});

function edge(units: string): Finding {
  return finding("gap-trailing", btc, { summary: units, evidence: { units } });
}

function away(symbols: string): Finding {
  return finding("archive-unreachable", "archive:spot", { verdict: "unknown", evidence: { symbols } });
}

test("a look at a part of what an incident is about sees it, and narrows nothing of what is known of it", () => {
  using watch = new Watch();
  watch.look([edge("2023 2024"), away("BTCUSDT ETHUSDT")]);
  const said = (): (string | undefined)[][] =>
    watch.ledger.incidents
      .live()
      .map(({ evidence, badLooks }) => [evidence["units"] ?? evidence["symbols"], String(badLooks)]);
  watch.look([edge("2024"), away("ETHUSDT")], []);
  assert.deepEqual(said(), [
    ["BTCUSDT ETHUSDT", "2"],
    ["2023 2024", "2"],
  ]);
  watch.look([edge("2024"), away("ETHUSDT")]);
  assert.deepEqual(said(), [
    ["ETHUSDT", "3"],
    ["2024", "3"],
  ]);
});

test("a clock that is set back keeps no incident from its end, nor from its beginning", () => {
  using watch = new Watch();
  const record = (...findings: readonly Finding[]): RecordedLook => {
    const start = startLook(watch.ledger);
    watch.clock.pass(minute);
    return recordLook(watch.ledger, { source: "t", start, findings, examined: everything });
  };
  watch.look([hole]);
  for (const backMs of [minute, 48 * hour]) {
    watch.clock.jump(-backMs);
    assert.equal(record().resolved.length, 1);
    watch.clock.jump(-backMs);
    assert.equal(record(hole).opened.length, 1);
  }
});

test("late that becomes dead is not said to be over; dead that becomes late is, with what is left of it", () => {
  using watch = new Watch();
  const [late, dead] = [finding("series-not-fresh", btc), finding("series-dead", btc)];
  watch.look([late]);
  watch.look([dead]);
  assert.deepEqual(watch.look([dead]).resolved, []);
  assert.deepEqual(watch.states, ["series-dead open", "series-not-fresh resolved"]);
  assert.deepEqual(
    watch.outbox.map((line) => line.split(":")[0]),
    ["opened", "opened"],
  );
  watch.look([late]);
  const said = watch.ledger.outbox.waiting().at(-1)?.text ?? "";
  assert.match(
    said,
    /^✅ Over on .*\n#2 .*: a series has stopped\n.*\n {2}it has got better and is not well: #3 a series is older/,
  );
  watch.look([]);
  assert.equal(watch.look([]).resolved[0]?.id, 3, "the end of the milder one is said where nothing worse is left");
});

test("a snooze and an ack last for what was asked for, not until a clock that was ahead comes round again", () => {
  using watch = new Watch();
  const other = finding("gap-leading", eth);
  watch.look([hole, other]);
  watch.clock.jump(30 * 24 * hour);
  assert.ok(watch.ledger.incidents.snooze(1, hour, "me"));
  assert.ok(watch.ledger.incidents.ack(2, "me"));
  watch.clock.jump(-30 * 24 * hour);
  assert.deepEqual(
    watch.look([hole, other]).reminded.map(({ id }) => id),
    [1, 2],
  );
  assert.ok(watch.ledger.incidents.snooze(1, 1000 * hour, "me"));
  assert.ok(watch.ledger.incidents.ack(2, "me"));
  watch.clock.jump(-20 * minute);
  for (let i = 0; i < 8; i += 1) assert.equal(watch.look([hole, other]).reminded.length, 0, "set back by a little");
});

test("an incident's change and its message are one: where one fails, neither is there", () => {
  using watch = new Watch();
  const { outbox } = watch.ledger;
  const enqueue = outbox.enqueue.bind(outbox);
  outbox.enqueue = () => {
    throw new Error("the disk is full");
  };
  assert.throws(() => watch.look([hole]), /disk is full/);
  assert.deepEqual(watch.ledger.incidents.live(), []);
  outbox.enqueue = enqueue;
  assert.equal(watch.look([hole]).opened.length, 1);
});

test("an incident of a gap says who repairs it, what was tried, and when it is tried again", () => {
  using watch = new Watch();
  const unit = "BTCUSDT@250:2024-03";
  const evidence = { units: unit, cause: "not-built" };
  watch.look([
    finding("gap-trailing", btc, { evidence }),
    finding("gap-interior", btc, { place: "2024-03-02", evidence: { ...evidence, cause: "missing-upstream" } }),
  ]);
  const said = (id: number): string => {
    const incident = watch.ledger.incidents.byId(id);
    assert.ok(incident !== undefined);
    return explainIncident(incident, watch.ledger).join("\n");
  };
  assert.match(said(1), /Nobody has tried to repair BTCUSDT@250:2024-03 yet; the next barkeep heal does\./);
  assert.match(said(2), /Building cannot close it\./);
  const { healTries } = watch.ledger;
  const [id = 0n] = healTries.start([{ gap: `trailing ${unit} 2024-03-04`, unit }]);
  assert.match(said(1), new RegExp(`Process ${process.pid} on .* repairs ${unit} since 2024-03-05 09:15 UTC`));
  healTries.end(id, "failed", "ZIP_CORRUPT");
  assert.match(said(1), /ended with ZIP_CORRUPT; barkeep heal tries again from 2024-03-05 09:25 UTC on/);
  for (let i = 0; i < 2; i += 1) {
    const [again = 0n] = healTries.start([{ gap: `trailing ${unit} 2024-03-04`, unit }]);
    healTries.end(again, "failed", "ZIP_CORRUPT");
  }
  assert.match(
    said(1),
    /was tried 3 times, last ZIP_CORRUPT; left alone until .* or until barkeep heal replay BTCUSDT@250:2024-03/,
  );
});

test("an incident is found by number and fingerprint, and explained in sentences", () => {
  using watch = new Watch();
  watch.look([hole]);
  for (const text of ["1", "#1", `gap-interior ${btc} 2024-03-01`]) {
    assert.equal(findIncident(watch.ledger, text)?.id, 1);
  }
  assert.equal(findIncident(watch.ledger, "2"), undefined);
  const incident = findIncident(watch.ledger, "1");
  assert.ok(incident !== undefined);
  const text = explainIncident(incident, watch.ledger).join("\n");
  for (const wanted of [
    /ids: 5\.\.9/,
    /critical; first seen 2024-03-05 09:15 UTC/,
    /said again in 1 h 0 min/,
    /barkeep heal/,
  ]) {
    assert.match(text, wanted);
  }
});
