import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { agendaOf } from "../../lib/heal/agenda.ts";
import type { GapLook } from "../../lib/heal/context.ts";
import { blindSpotsAfter, type BlindSpot } from "../../lib/heal/blind-spots.ts";
import { exhaustedFindings } from "../../lib/heal/findings.ts";
import { answeringFor, isElsewhere, resultOf } from "../../lib/heal/outcome.ts";
import { healPolicy, nextHealStep } from "../../lib/heal/policy.ts";
import { gapKey, repairsOf, type UnitFacts } from "../../lib/heal/repairs.ts";
import { gapsToReplay } from "../../lib/heal/replay.ts";
import { ledgerPath, openLedger, type HealResult, type Ledger } from "../../lib/ledger/index.ts";
import { parseDay } from "../../lib/model/day.ts";
import {
  NotYetAvailableError,
  RefusedError,
  RetryableError,
  UnavailableError,
  UpstreamDataError,
} from "../../lib/model/errors.ts";
import { fingerprintOf, type Finding } from "../../lib/watch/finding.ts";
import type { Gap } from "../../lib/watch/gap.ts";
import { temporaryFolder } from "../ops/run.ts";
import { gapOf } from "./gaps.ts";
import { SetClock } from "./set-clock.ts";

const minute = 60_000;
const hour = 60 * minute;
const start = Date.UTC(2024, 2, 10);

function newLedger(): { ledger: Ledger; clock: SetClock } {
  const clock = new SetClock(start);
  return { ledger: openLedger(join(temporaryFolder("heal-rules"), "state"), { clock }), clock };
}

function step(ledger: Ledger, gap: Gap): ReturnType<typeof nextHealStep> {
  return nextHealStep(ledger.healTries.byGap().get(gapKey(gap)) ?? [], ledger.clock.wallMs(), healPolicy);
}

function tryOnce(ledger: Ledger, gap: Gap, result: HealResult, code?: string): void {
  const [id = 0n] = ledger.healTries.start([{ gap: gapKey(gap), unit: gap.unit }]);
  ledger.healTries.end(id, result, code);
}

test("three failed tries within 24 hours are all there are; each waits longer for the next", () => {
  const { ledger, clock } = newLedger();
  using _ = ledger;
  const gap = gapOf({});
  const waits: number[] = [];
  for (const expected of [1, 2, 3]) {
    const next = step(ledger, gap);
    assert.deepEqual(next, { step: "go", tryNumber: expected });
    tryOnce(ledger, gap, "failed", "ZIP_CORRUPT");
    const behind = step(ledger, gap);
    if (behind.step !== "wait") break;
    waits.push(behind.untilMs - clock.nowMs);
    clock.nowMs = behind.untilMs;
  }
  assert.deepEqual(waits, [10 * minute, 20 * minute]);
  const last = step(ledger, gap);
  assert.deepEqual(last, { step: "exhausted", untilMs: start + 24 * hour, tries: 3, code: "ZIP_CORRUPT" });

  const [finding, ...others] = exhaustedFindings([gap], ledger.healTries.byGap(), clock.nowMs, healPolicy);
  assert.deepEqual(others, []);
  assert.ok(finding !== undefined);
  assert.equal(fingerprintOf(finding), `heal-exhausted ${gap.unit} trailing 2024-03-05`);
  assert.equal(finding.evidence["tries"], "3");

  clock.nowMs = start + 24 * hour;
  assert.deepEqual(step(ledger, gap), { step: "go", tryNumber: 3 });
  assert.deepEqual(exhaustedFindings([gap], ledger.healTries.byGap(), clock.nowMs, healPolicy), []);
});

test("what others were in the way of, or a person stopped, uses up no try", () => {
  const { ledger, clock } = newLedger();
  using _ = ledger;
  const gap = gapOf({});
  const waits = [];
  for (let i = 0; i < 8; i += 1) {
    tryOnce(ledger, gap, "elsewhere", "STORE_AWAY");
    const next = step(ledger, gap);
    assert.equal(next.step, "wait");
    waits.push(next.step === "wait" ? (next.untilMs - clock.nowMs) / minute : 0);
    clock.nowMs += 2 * hour;
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
  tryOnce(ledger, gap, "interrupted");
  assert.deepEqual(step(ledger, gap), { step: "go", tryNumber: 1 });
});

test("a gap that comes back after it was healed is not healed for ever", () => {
  const { ledger } = newLedger();
  using _ = ledger;
  const gap = gapOf({ kind: "revised", cause: "archive-revised" });
  for (let i = 0; i < 3; i += 1) tryOnce(ledger, gap, "healed");
  assert.equal(step(ledger, gap).step, "exhausted");
});

test("a clock that was set back makes nothing wait for it", () => {
  const { ledger, clock } = newLedger();
  using _ = ledger;
  const gap = gapOf({});
  tryOnce(ledger, gap, "failed", "ZIP_CORRUPT");
  clock.nowMs -= 5 * hour;
  assert.deepEqual(step(ledger, gap), { step: "go", tryNumber: 2 });
});

test("tries made while the clock ran ahead lock nothing until it is there again", () => {
  const { ledger, clock } = newLedger();
  using _ = ledger;
  const gap = gapOf({});
  for (const ahead of [400 * 24 * hour, 5 * hour]) {
    clock.nowMs = start + ahead;
    for (let i = 0; i < 3; i += 1) tryOnce(ledger, gap, "failed", "ZIP_CORRUPT");
    clock.nowMs = start;
    assert.equal(step(ledger, gap).step, "go");
    assert.deepEqual(exhaustedFindings([gap], ledger.healTries.byGap(), clock.nowMs, healPolicy), []);
  }
  const [id = 0n] = ledger.healTries.start([{ gap: gapKey(gap), unit: gap.unit }]);
  clock.nowMs = start + 400 * 24 * hour;
  ledger.healTries.end(id, "failed", "ZIP_CORRUPT");
  clock.nowMs = start;
  assert.equal(step(ledger, gap).step, "wait");
  clock.nowMs = start + hour;
  assert.equal(step(ledger, gap).step, "go", "a wait is no longer than it is");
});

test("a try whose process lives is left to it; one whose process is gone is gone on with at once, and counts", () => {
  const { ledger } = newLedger();
  using _ = ledger;
  const gap = gapOf({});
  const [id = 0n] = ledger.healTries.start([{ gap: gapKey(gap), unit: gap.unit }]);
  ledger.healTries.endAbandoned();
  assert.equal(step(ledger, gap).step, "running");
  ledger.healTries.end(id, "failed", "PROCESS_GONE");
  assert.deepEqual(step(ledger, gap), { step: "go", tryNumber: 2 });
});

test("a try is its process's, whatever the machine was called when it began", () => {
  const state = join(temporaryFolder("heal-renamed"), "state");
  using ledger = openLedger(state, { clock: new SetClock(start) });
  const [gone, alive] = [gapOf({}), gapOf({ days: "2023-01-01" })];
  ledger.healTries.start([gone, alive].map((gap) => ({ gap: gapKey(gap), unit: gap.unit })));
  const file = new Database(ledgerPath(state));
  file.exec("UPDATE heal_tries SET host = 'as-it-was-called'");
  file.exec("UPDATE heal_tries SET process_start = 'an earlier boot/1' WHERE id = 1");
  file.close();
  ledger.healTries.endAbandoned();
  assert.deepEqual(step(ledger, gone), { step: "go", tryNumber: 2 });
  assert.equal(step(ledger, alive).step, "running");
});

test("a replay takes units and series as explain does, and refuses what was never tried", () => {
  const { ledger } = newLedger();
  using _ = ledger;
  const gaps = [gapOf({}), gapOf({ days: "2023-01-01" }), gapOf({ threshold: 500 })];
  for (const gap of gaps) tryOnce(ledger, gap, "failed", "ZIP_CORRUPT");
  tryOnce(ledger, gapOf({ days: "2022-01-01" }), "healed");
  const replayed = (...names: string[]): string[] => gapsToReplay(names, ledger.healTries.byGap());
  const [latest, older, other] = gaps.map(gapKey);
  assert.deepEqual(replayed(), [latest, older, other]);
  assert.deepEqual(replayed("BTCUSDT@250:2024"), [latest]);
  assert.deepEqual(replayed("range:binance/spot/BTCUSDT@250:2024"), [latest]);
  assert.deepEqual(replayed("BTCUSDT@250"), [latest, older]);
  assert.deepEqual(replayed("range:binance/spot/BTCUSDT@500", "BTCUSDT@250:2023"), [older, other]);
  assert.deepEqual(replayed("BTCUSDT@250:2022"), []);
  for (const name of ["BTCUSDT@250:2021", "ETHUSDT@250", "range:binance/futures-um/BTCUSDT@250"]) {
    assert.throws(() => replayed(name), { code: "UNKNOWN_UNIT", subject: name });
  }
  assert.throws(() => replayed("BTCUSDT"), { code: "BAD_UNIT" });
});

test("a replay begins to count anew, and keeps what was", () => {
  const { ledger } = newLedger();
  using _ = ledger;
  const gap = gapOf({});
  const other = gapOf({ days: "2023-01-01" });
  for (const one of [gap, gap, gap, other]) tryOnce(ledger, one, "failed", "ZIP_CORRUPT");
  assert.equal(ledger.healTries.replay([gapKey(gap)]), 3);
  assert.deepEqual(step(ledger, gap), { step: "go", tryNumber: 1 });
  assert.equal(step(ledger, other).step, "wait");
  assert.equal(ledger.journal.last(1)[0]?.kind, "heal.replayed");
});

test("a gap is not called exhausted while a host's queue has the last try", () => {
  const { ledger } = newLedger();
  using _ = ledger;
  const gap = gapOf({});
  for (let i = 0; i < 3; i += 1) tryOnce(ledger, gap, "queued");
  const exhausted = (): number =>
    exhaustedFindings([gap], ledger.healTries.byGap(), ledger.clock.wallMs(), healPolicy).length;
  assert.deepEqual([step(ledger, gap).step, exhausted()], ["exhausted", 0]);
  for (const { id } of ledger.healTries.queued()) ledger.healTries.settle(id, "failed", "ZIP_CORRUPT");
  assert.deepEqual([step(ledger, gap).step, exhausted()], ["exhausted", 1]);
});

test("a replay lets a queued try count no more, and what it comes to is put on record all the same, until the gap is healed", () => {
  const { ledger } = newLedger();
  using _ = ledger;
  const { healTries } = ledger;
  const key = gapKey(gapOf({}));
  tryOnce(ledger, gapOf({}), "queued");
  tryOnce(ledger, gapOf({ days: "2023-01-01" }), "queued");
  tryOnce(ledger, gapOf({ days: "2023-01-01" }), "failed", "ZIP_CORRUPT");
  healTries.replay([key]);
  assert.deepEqual(
    healTries.queued().map(({ gap }) => gap),
    [key],
  );
  for (const { id } of healTries.queued()) healTries.settle(id, "failed", "BUILD_DIFFERS");
  tryOnce(ledger, gapOf({}), "failed", "ZIP_CORRUPT");
  assert.deepEqual(
    [healTries.queued(), [...healTries.codesOf(key)].toSorted()],
    [[], ["BUILD_DIFFERS", "ZIP_CORRUPT"]],
  );
  assert.deepEqual(step(ledger, gapOf({})).step, "wait");
  assert.equal(healTries.byGap().get(key)?.length, 1);
  tryOnce(ledger, gapOf({}), "healed");
  assert.deepEqual([...healTries.codesOf(key)], []);
});

const built = (unit: string, firstDay: string, day: string, dayDone = true): [string, UnitFacts] => [
  unit,
  { firstDay: parseDay(firstDay), day: parseDay(day), dayDone },
];

test("a gap behind its unit's end, or of a unit that is not there, is filled; any other makes its unit anew", () => {
  const facts = new Map([built("BTCUSDT@250:2024", "2024-01-10", "2024-03-04")]);
  const of = (gap: Gap): unknown => {
    const [repair] = repairsOf([gap], facts);
    return [repair?.action, repair?.fromDay];
  };
  assert.deepEqual(of(gapOf({ days: "2024-03-05..2024-03-06" })), ["populate", "2024-03-05"]);
  assert.deepEqual(of(gapOf({ kind: "leading", days: "2023-05-01..2023-12-31" })), ["populate", "2023-05-01"]);
  assert.deepEqual(of(gapOf({ kind: "interior", days: "2024-02-01..2024-02-03" })), ["rebuild", undefined]);
  assert.deepEqual(of(gapOf({ kind: "leading", days: "2024-01-01..2024-01-09" })), ["rebuild", "2024-01-01"]);
  for (const cause of ["doubled", "other-version", "archive-revised", "bars-lost"] as const) {
    assert.deepEqual(of(gapOf({ cause, days: "2024-03-05" })), ["rebuild", undefined], cause);
  }
  const half = new Map([built("BTCUSDT@250:2024", "2024-01-10", "2024-03-04", false)]);
  assert.equal(repairsOf([gapOf({ days: "2024-03-04..2024-03-06" })], half)[0]?.action, "populate");
});

test("P0 comes before P1, P1 before P2, the oldest segment first; thresholds share a pass", () => {
  const gaps = [
    gapOf({ kind: "leading", priority: "P2", days: "2023-01-01" }),
    gapOf({ kind: "leading", priority: "P2", days: "2022-01-01" }),
    gapOf({ kind: "interior", priority: "P1", days: "2021-01-01" }),
    gapOf({ priority: "P0", threshold: 500 }),
    gapOf({ priority: "P0", threshold: 250, days: "2024-03-04" }),
  ];
  const repairs = repairsOf(gaps, new Map());
  assert.deepEqual(
    repairs.map(({ priority, segment, units }) => [priority, segment, units]),
    [
      ["P0", "2024", ["BTCUSDT@500:2024", "BTCUSDT@250:2024"]],
      ["P1", "2021", ["BTCUSDT@250:2021"]],
      ["P2", "2022", ["BTCUSDT@250:2022"]],
      ["P2", "2023", ["BTCUSDT@250:2023"]],
    ],
  );
  assert.equal(repairs[0]?.fromDay, "2024-03-04");
});

test("what building cannot close is left alone, with why", () => {
  const gaps = [
    gapOf({ kind: "unknown", cause: "not-known" }),
    gapOf({ kind: "interior", cause: "missing-upstream" }),
    gapOf({ kind: "interior", cause: "not-known", days: "2024-02-01" }),
    gapOf({ days: "2024-03-09" }),
  ];
  const { repairs, left } = agendaOf(gaps, new Map(), new Map(), start, healPolicy);
  assert.deepEqual(
    left.map(({ reason }) => reason),
    ["unknown", "upstream", "unknown"],
  );
  assert.deepEqual(
    repairs.map(({ gaps }) => gaps.map(({ fromDay }) => fromDay)),
    [["2024-03-09"]],
  );
});

function found(...gaps: Gap[]): GapLook {
  return { looked: new Set(), gaps, unknown: [] };
}

test("only what is found afterwards says whether a gap is healed", () => {
  const gap = gapOf({ days: "2024-03-05..2024-03-07" });
  const why = new UpstreamDataError("torn", { code: "ZIP_CORRUPT" });
  const away = new RetryableError("away", { code: "ARCHIVE_UNREACHABLE" });
  assert.equal(resultOf(gap, found(), [why], false), "healed");
  assert.equal(resultOf(gap, found(), [], true), "healed");
  assert.equal(resultOf(gap, found(gapOf({ days: "2024-03-08" })), [], false), "healed");
  assert.equal(resultOf(gap, found(gapOf({ days: "2024-03-05", threshold: 500 })), [], false), "healed");
  const stale = gapOf({ kind: "stale", cause: "other-version", days: "2024-01-01..2024-03-07" });
  assert.equal(resultOf(gap, found(stale), [], false), "healed");
  const rest = found(gapOf({ kind: "interior", cause: "missing-upstream", days: "2024-03-07" }));
  assert.equal(resultOf(gap, rest, [], false), "failed");
  assert.equal(resultOf(gap, rest, [why], false), "failed");
  assert.equal(resultOf(gap, rest, [why, away], false), "elsewhere");
  assert.equal(resultOf(gap, rest, [], true), "interrupted");
  const notKnown = gapOf({ kind: "unknown", cause: "not-known", days: "2024-03-06" });
  assert.equal(resultOf(gap, found(notKnown), [], false), "elsewhere");
  const blind: Finding = {
    kind: "archive-unreachable",
    subject: "archive:spot",
    verdict: "unknown",
    summary: "it does not answer",
    evidence: {},
  };
  assert.equal(resultOf(gap, { ...found(), unknown: [blind] }, [], false), "elsewhere");
});

test("what is wrong with the bars of a unit is one gap in every look, and is given up once", () => {
  const { ledger, clock } = newLedger();
  using _ = ledger;
  const counted = gapOf({ kind: "interior", cause: "bars-lost", days: "2024-01-01..2024-03-04" });
  const named = [gapOf({ kind: "interior", cause: "bars-lost", isSeenInBars: true, days: "2024-02-03" })];
  for (const day of ["2024-02-10", "2024-02-10", "2024-02-12"]) {
    named.push(gapOf({ kind: "overlap", cause: "doubled", isSeenInBars: true, days: day }));
  }
  assert.equal(new Set([counted, ...named].map(gapKey)).size, 2);
  for (let i = 0; i < 3; i += 1) tryOnce(ledger, counted, "failed", "REBUILD_NOT_SOUND");
  const [lost, ...others] = exhaustedFindings(named, ledger.healTries.byGap(), clock.nowMs, healPolicy);
  assert.deepEqual([lost?.place, others], ["interior bars", []]);
  const covered = ["2024-02-10", "2024-02-12"].map((days) =>
    gapKey(gapOf({ kind: "overlap", cause: "doubled", days })),
  );
  assert.equal(new Set(covered).size, 2, "what coverage has twice is known by its days");
});

function blind(subject: string): Finding {
  return { kind: "archive-unreachable", subject, verdict: "unknown", summary: "no answer", evidence: {} };
}

function subjectsAfter(spots: readonly BlindSpot[]): string[] {
  return spots.map(({ finding }) => finding.subject);
}

test("what one look could not see stays unknown until a look that sees as much", () => {
  const [of, other] = [gapOf({}).series, gapOf({ threshold: 500 }).series];
  const all = [{ finding: blind("archive:spot"), series: undefined }];
  assert.deepEqual(subjectsAfter(blindSpotsAfter(all, new Set([of]), [])), ["archive:spot"]);
  const one = blindSpotsAfter([], new Set([of]), [blind("archive:spot")]);
  assert.deepEqual(subjectsAfter(one), ["archive:spot"]);
  assert.deepEqual(subjectsAfter(blindSpotsAfter(one, new Set([other]), [])), ["archive:spot"]);
  assert.deepEqual(blindSpotsAfter(one, new Set([of, other]), []), []);
  const both = blindSpotsAfter(one, new Set([other]), [blind("archive:spot")]);
  assert.deepEqual(subjectsAfter(both), ["archive:spot"]);
  assert.deepEqual(subjectsAfter(blindSpotsAfter(both, new Set([of]), [])), ["archive:spot"]);
  const own = [{ finding: blind(of), series: undefined }];
  assert.deepEqual(blindSpotsAfter(own, new Set([of]), []), []);
});

test("a failure of one series answers for no gap of another, one of no series for all", () => {
  const [gap, other] = [gapOf({}), gapOf({ threshold: 500 })];
  const held = new RefusedError("held", { code: "LEASE_HELD", subject: other.unit });
  const unsound = new UnavailableError("not sound", { code: "REBUILD_NOT_SOUND", subject: `${gap.unit}#2` });
  const torn = new UpstreamDataError("torn", { code: "ZIP_CORRUPT", subject: "BTCUSDT-aggTrades-2024-03-05.zip" });
  const codesOf = (one: Gap): string[] =>
    answeringFor(one, [gap.series, other.series], [torn, unsound, held]).map(({ code }) => code);
  assert.deepEqual(codesOf(gap), ["ZIP_CORRUPT", "REBUILD_NOT_SOUND"]);
  assert.deepEqual(codesOf(other), ["ZIP_CORRUPT", "LEASE_HELD"]);
});

test("store, archive, disk and other writers are not the unit's fault; its checkpoint and its bars are", () => {
  assert.ok(isElsewhere(new RefusedError("held", { code: "LEASE_HELD" })));
  assert.ok(isElsewhere(new UnavailableError("full", { code: "DISK_FULL" })));
  assert.ok(isElsewhere(new NotYetAvailableError("not yet", { code: "NOT_PUBLISHED_YET" })));
  assert.ok(!isElsewhere(new RefusedError("floor", { code: "THRESHOLD_BELOW_FLOOR" })));
  assert.ok(!isElsewhere(new UnavailableError("torn", { code: "CHECKPOINT_CORRUPT" })));
  assert.ok(!isElsewhere(new UnavailableError("not sound", { code: "REBUILD_NOT_SOUND" })));
});
