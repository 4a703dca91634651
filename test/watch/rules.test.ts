import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { z } from "zod";
import { parseRegistry } from "../../lib/config/index.ts";
import { addDays, daysInclusive, dayStartMs, parseDay, type Day } from "../../lib/model/day.ts";
import { RetryableError } from "../../lib/model/errors.ts";
import { parseSegmentId, segmentOf } from "../../lib/model/segments.ts";
import { parseThreshold, seriesId, type RangeSeries } from "../../lib/model/series.ts";
import { intHash64, type UnitOutline } from "../../lib/store/index.ts";
import { nothingKnown, type ArchiveFacts } from "../../lib/watch/condition.ts";
import { fingerprintOf } from "../../lib/watch/finding.ts";
import { gapFindings } from "../../lib/watch/findings.ts";
import { freshnessOf } from "../../lib/watch/freshness.ts";
import { gapsOf, priorityOf, type SeriesGaps } from "../../lib/watch/gap-rules.ts";
import type { Gap } from "../../lib/watch/gap.ts";
import { continuityClass } from "../../lib/watch/price-class.ts";
import { queueHealth } from "../../lib/watch/queue-health.ts";
import { everything, wishesOf, type SeriesWish } from "../../lib/watch/wish.ts";
import { Bed } from "../inject/bed.ts";
import { minimalRegistry } from "../rig/registry.ts";

const key: RangeSeries = { venue: "binance", market: "spot", symbol: "BTCUSDT", threshold: parseThreshold(250) };
const series = seriesId(key);
const first = parseDay("2024-01-20");
const nowMs = dayStartMs(parseDay("2024-06-01"));
const idsPerDay = 10;

function wish(more = ""): SeriesWish {
  const text = minimalRegistry(more).replace("2017-08-17", first);
  const [one] = wishesOf(parseRegistry(text, "symbols.toml"), [key], everything, {}).wanted;
  assert.ok(one !== undefined);
  return one;
}

function idsOf(day: Day): bigint {
  return BigInt(Math.round((dayStartMs(day) - dayStartMs(first)) / 86_400_000) * idsPerDay);
}

function us(day: Day): bigint {
  return BigInt(dayStartMs(day)) * 1000n;
}

/** Units, by months, that cover exactly these days. */
function unitsOf(days: readonly Day[]): UnitOutline[] {
  return [...Map.groupBy(days, (day) => segmentOf(day, "month").id)].flatMap(([segment, ofUnit]) => {
    const [from, to] = [ofUnit[0], ofUnit.at(-1)];
    if (from === undefined || to === undefined) return [];
    return [
      {
        series,
        segment: parseSegmentId(segment),
        build: 1,
        firstDay: from,
        lastDay: to,
        lastDayDone: true,
        fromId: idsOf(from),
        throughId: idsOf(to) + 9n,
        firstUs: us(from),
        lastUs: us(addDays(to, 1)) - 1n,
        days: ofUnit.length,
        bars: 0,
        orphans: 0,
        quarantined: 0,
        negativeParts: 0,
        attemptsHash: 0n,
        breaks: ofUnit.slice(1).flatMap((day, i) => {
          const before = ofUnit[i];
          if (before === undefined || addDays(before, 1) === day) return [];
          return [
            {
              dayBefore: before,
              doneBefore: true,
              dayAfter: day,
              beforeThroughId: idsOf(before) + 9n,
              afterFromId: idsOf(day),
              afterThroughId: idsOf(day) + 9n,
              beforeLastUs: us(addDays(before, 1)) - 1n,
              afterFirstUs: us(day),
            },
          ];
        }),
      },
    ];
  });
}

function archiveThrough(lastDay: Day, absent: readonly Day[] = []): ArchiveFacts {
  return {
    ...nothingKnown,
    extent: { firstDay: first, lastDay },
    lookedMs: nowMs,
    asked: new Map(absent.map((day) => [day, "absent"])),
  };
}

function daysSaid({ gaps, explained }: SeriesGaps): Day[] {
  return [...gaps, ...explained].flatMap(({ fromDay, throughDay }) => daysInclusive(fromDay, throughDay));
}

test("covered days, gaps and declared holes tile what is expected, and every gap lies in one unit", () => {
  const window = daysInclusive(first, addDays(first, 75));
  const last = addDays(first, 75);
  const declared = [addDays(first, 30), addDays(first, 31)] as const;
  const gapWish = wish(`
[[symbols.BTCUSDT.known_gaps]]
start_date = ${declared[0]}
end_date = ${declared[1]}
reason = "declared"`);
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 76, maxLength: 76 }),
      fc.array(fc.integer({ min: 0, max: 75 }), { maxLength: 8 }),
      (covered, absentAt) => {
        const days = window.filter((day, i) => covered[i] === true && !declared.some((one) => one === day));
        const absent = absentAt.flatMap((at) => window[at] ?? []).filter((day) => !days.includes(day));
        const archive = archiveThrough(last, absent);
        const found = gapsOf({ wish: gapWish, units: unitsOf(days), segmentation: "month", archive, lost: [], nowMs });
        const said = daysSaid(found);
        // A declared hole is told of with the covered days around it.
        const missing = window.filter((day) => !days.includes(day));
        assert.deepEqual([...new Set(said.filter((day) => !days.includes(day)))].toSorted(), missing);
        for (const { at, account } of found.breaks) {
          const isInside = (one: Pick<Gap, "fromDay" | "throughDay">): boolean =>
            one.fromDay > at.dayBefore && one.throughDay < at.dayAfter;
          assert.equal(account === undefined, found.gaps.some(isInside), "what nobody accounts for is a gap");
        }
        for (const { fromDay, throughDay, unit, cause } of found.gaps) {
          assert.equal(segmentOf(fromDay, "month").id, segmentOf(throughDay, "month").id);
          assert.ok(unit.endsWith(segmentOf(fromDay, "month").id));
          const isAbsent = daysInclusive(fromDay, throughDay).map((day) => absent.includes(day));
          assert.ok(isAbsent.every((one) => one === (cause === "missing-upstream")));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("S-23 a hole of two years ago is historical by its age, however short; the live edge is what was published last", () => {
  const [now, old] = [dayStartMs(parseDay("2026-03-10")), parseDay("2024-03-05")];
  assert.equal(priorityOf("interior", old, now), "P2");
  assert.equal(priorityOf("interior", parseDay("2026-03-08"), now), "P1");
  assert.equal(priorityOf("interior", parseDay("2026-03-07"), now), "P2");
  assert.equal(priorityOf("trailing", parseDay("2026-03-09"), now), "P0");
  assert.equal(priorityOf("trailing", parseDay("2026-03-04"), now), "P0");
  assert.equal(priorityOf("trailing", old, now), "P2");
});

test("an edge is not known where the archive is not; a hole of ids is one all the same", () => {
  const days = daysInclusive(addDays(first, 5), addDays(first, 20)).filter((_, i) => i !== 7);
  const { gaps } = gapsOf({
    wish: wish(),
    units: unitsOf(days),
    segmentation: "month",
    archive: nothingKnown,
    lost: [],
    nowMs,
  });
  assert.deepEqual(
    gaps.map(({ kind, cause }) => [kind, cause]),
    [
      ["unknown", "not-known"],
      ["interior", "not-known"],
    ],
  );
});

test("a part that lies in another is an overlap, and what follows the longer one is no hole", () => {
  const [unit] = unitsOf(daysInclusive(first, addDays(first, 9)));
  assert.ok(unit !== undefined);
  const day = addDays(first, 3);
  const at = { dayBefore: day, doneBefore: true, dayAfter: day, beforeLastUs: 0n, afterFirstUs: 0n };
  const breaks = [
    { ...at, beforeThroughId: 59n, afterFromId: 30n, afterThroughId: 39n },
    { ...at, beforeThroughId: 39n, afterFromId: 60n, afterThroughId: 69n },
  ];
  const archive = archiveThrough(addDays(first, 9));
  const { gaps } = gapsOf({
    wish: wish(),
    units: [{ ...unit, breaks }],
    segmentation: "month",
    archive,
    lost: [],
    nowMs,
  });
  assert.deepEqual(
    gaps.map(({ kind, fromId, throughId }) => [kind, fromId, throughId]),
    [["overlap", 30n, 39n]],
  );
});

test("a hole within a day is the archive's, unless the ledger has seen what is gone", () => {
  const [unit] = unitsOf(daysInclusive(first, addDays(first, 9)));
  assert.ok(unit !== undefined);
  const day = addDays(first, 3);
  const at = { dayBefore: day, doneBefore: false, dayAfter: day, beforeLastUs: 0n, afterFirstUs: 0n };
  const units = [{ ...unit, breaks: [{ ...at, beforeThroughId: 33n, afterFromId: 37n, afterThroughId: 39n }] }];
  const archive = archiveThrough(addDays(first, 9));
  const found = (lost: readonly { fromId: bigint; throughId: bigint }[]): unknown[] =>
    gapsOf({ wish: wish(), units, segmentation: "month", archive, lost, nowMs }).gaps.map(
      ({ cause, fromDay, fromId, throughId }) => [cause, fromDay, fromId, throughId],
    );
  assert.deepEqual(found([]), [["missing-upstream", day, 34n, 36n]]);
  assert.deepEqual(found([{ fromId: 20n, throughId: 33n }]), [["missing-upstream", day, 34n, 36n]]);
  assert.deepEqual(found([{ fromId: 34n, throughId: 36n }]), [["not-built", day, 34n, 36n]]);
});

test("days that are declared are no excuse for the end of the day before them", () => {
  const [unit] = unitsOf(daysInclusive(first, addDays(first, 9)));
  assert.ok(unit !== undefined);
  const [before, after] = [addDays(first, 3), addDays(first, 5)];
  const declared = wish(`
[[symbols.BTCUSDT.known_gaps]]
start_date = ${addDays(first, 4)}
end_date = ${addDays(first, 4)}
reason = "declared"`);
  const at = { dayBefore: before, dayAfter: after, beforeLastUs: 0n, afterFirstUs: 0n };
  const archive = archiveThrough(addDays(first, 9), [addDays(first, 4)]);
  const found = (doneBefore: boolean): unknown[] => {
    const breaks = [{ ...at, doneBefore, beforeThroughId: 33n, afterFromId: 50n, afterThroughId: 59n }];
    const units = [{ ...unit, breaks }];
    const { gaps } = gapsOf({ wish: declared, units, segmentation: "month", archive, lost: [], nowMs });
    return gaps.map(({ cause, fromDay, throughDay }) => [cause, fromDay, throughDay]);
  };
  assert.deepEqual(found(true), []);
  assert.deepEqual(found(false), [["not-built", before, before]]);
});

test("how old a series may be is its own affair; one that has ended is not late", () => {
  const [unit] = unitsOf(daysInclusive(first, addDays(first, 9)));
  const endMs = dayStartMs(addDays(first, 10));
  const stateAfter = (hours: number, more = ""): string | undefined =>
    freshnessOf(wish(more), unit, undefined, endMs + hours * 3_600_000)?.state;
  assert.deepEqual(
    [71, 73, 719, 721].map((hours) => stateAfter(hours)),
    ["fresh", "stale", "stale", "dead"],
  );
  assert.deepEqual(
    [99, 101, 1001].map((hours) => stateAfter(hours, "max_stale_hours = 100")),
    ["fresh", "stale", "dead"],
  );
  assert.equal(stateAfter(9999, `delisting_date = ${addDays(first, 9)}`), "fresh");
  assert.equal(stateAfter(9999, `delisting_date = ${addDays(first, 10)}`), "dead");
});

test("a symbol of two markets is looked at in each, at the thresholds that it has there", () => {
  const registry = parseRegistry(minimalRegistry(""), "symbols.toml");
  const known: RangeSeries[] = [{ ...key, market: "futures-um", threshold: parseThreshold(500) }, key];
  const named = wishesOf(registry, known, { ...everything, symbols: ["BTCUSDT"] }, {}).wanted;
  assert.deepEqual(
    named.map((one) => one.series),
    ["range:binance/futures-um/BTCUSDT@500", "range:binance/spot/BTCUSDT@250"],
  );
});

test("lost bars are one finding of their unit, whether they were counted or named", () => {
  const unit = "BTCUSDT@250:2024-01";
  const [day, priority] = [first, "P2"] as const;
  const lost = { kind: "interior", cause: "bars-lost", priority, series, unit, throughDay: day } as const;
  const counted: Gap = { ...lost, fromDay: addDays(day, -3), reason: "7 of 9 bars" };
  const named = (id: bigint): Gap => ({ ...lost, fromDay: day, fromId: id, throughId: id, reason: "ids" });
  const fingerprints = [[counted], [named(10n), named(50n)]].map((gaps) => gapFindings(gaps).map(fingerprintOf));
  assert.deepEqual(fingerprints[0], fingerprints[1]);
  assert.equal(fingerprints[0]?.length, 1);
});

test("a step of price is classed by its size, the threshold and what is traded", () => {
  const classes = [0.9, 9.9, 99, 499, 500].map((jump) => continuityClass(jump, 250, "crypto"));
  assert.deepEqual(classes, ["precision", "noise", "market-move", "microstructure", "session-boundary"]);
  assert.equal(continuityClass(250, 250, "forex"), "session-boundary");
  assert.equal(continuityClass(749, 250, "equities"), "microstructure");
});

test("a host that does not answer is not known, and so not healthy", () => {
  assert.equal(queueHealth([], [], 0).isHealthy, true);
  const failure = new RetryableError("no answer", { code: "HOST_LOST" });
  const { isHealthy, findings } = queueHealth([], [{ host: "bigbox", failure }], 0);
  assert.equal(isHealthy, false);
  assert.deepEqual(
    findings.map(({ kind, subject, verdict }) => [kind, subject, verdict]),
    [["host-unreachable", "host:bigbox", "unknown"]],
  );
});

test("the store's hash of an id is ours", async () => {
  await using bed = await Bed.open();
  const values = [0n, 1n, -1n, 1_234_567_890_123n, 2n ** 62n];
  const hashes = z.object({ hashes: z.array(z.string().transform(BigInt)) });
  const [row] = await bed.store.rows(
    `SELECT arrayMap(x -> intHash64(x), [${values.map((value) => `toInt64('${value}')`).join(", ")}]) AS hashes`,
    hashes,
  );
  assert.deepEqual(row?.hashes, values.map(intHash64));
});
