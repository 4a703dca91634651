import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { segmentations } from "../../lib/model/segments.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { expectedUnits, type ExpectedUnit, type WantedSymbol } from "../../lib/plan/expected.ts";
import { jobsOf } from "../../lib/plan/jobs.ts";
import {
  missingUnits,
  reprocessPolicies,
  type KnownUnit,
  type Missing,
  type ReprocessPolicy,
} from "../../lib/plan/missing.ts";

function wanted(changes: Partial<WantedSymbol> = {}): WantedSymbol {
  return {
    venue: "binance",
    market: "spot",
    symbol: "BTCUSDT",
    enabled: true,
    thresholds: [250, 500, 1000].map(parseThreshold),
    floor: { floor: parseThreshold(250), from: "built-in floor of crypto", setting: "RANGEBAR_MIN_THRESHOLD_BTCUSDT" },
    firstDay: parseDay("2022-03-01"),
    lastDay: parseDay("2024-02-29"),
    segmentation: "year",
    ...changes,
  };
}

const day = parseDay("2023-06-30");
const idsOf = (missing: Missing): string[] => missing.planned.map(({ id }) => id);

test("symbol × threshold × segment, cut at the symbol's first and last day", () => {
  const { units, refused } = expectedUnits([wanted()]);
  assert.deepEqual(refused, []);
  assert.deepEqual(
    units.slice(0, 3).map(({ id, firstDay, lastDay }) => [id, firstDay, lastDay]),
    [
      ["BTCUSDT@250:2022", "2022-03-01", "2022-12-31"],
      ["BTCUSDT@250:2023", "2023-01-01", "2023-12-31"],
      ["BTCUSDT@250:2024", "2024-01-01", "2024-02-29"],
    ],
  );
  assert.equal(units.length, 9);
});

test("the days of a series' units tile its days, whatever the segmentation", () => {
  const span = fc.record({ start: fc.integer({ min: 0, max: 3000 }), days: fc.integer({ min: 0, max: 900 }) });
  fc.assert(
    fc.property(span, fc.constantFrom(...segmentations), ({ start, days }, segmentation) => {
      const firstDay = addDays(parseDay("2017-01-01"), start);
      const lastDay = addDays(firstDay, days);
      const thresholds = [parseThreshold(500)];
      const { units } = expectedUnits([wanted({ firstDay, lastDay, segmentation, thresholds })]);
      assert.equal(units[0]?.firstDay, firstDay);
      assert.equal(units.at(-1)?.lastDay, lastDay);
      units.slice(1).forEach((unit, i) => assert.equal(unit.firstDay, addDays(units[i]?.lastDay ?? firstDay, 1)));
    }),
    { numRuns: 50 },
  );
});

test("pairs below the floor and disabled symbols are refused by name, with what would allow them", () => {
  const floor = {
    floor: parseThreshold(500),
    from: "min_threshold in the registry",
    setting: "RANGEBAR_MIN_THRESHOLD_SOLUSDT",
  };
  const { units, refused } = expectedUnits([
    wanted({ symbol: "SOLUSDT", floor }),
    wanted({ symbol: "OLDUSDT", enabled: false }),
  ]);
  assert.deepEqual([...new Set(units.map(({ threshold }) => threshold))], [500, 1000]);
  assert.deepEqual(
    refused.map(({ subject }) => subject),
    ["SOLUSDT@250", "OLDUSDT"],
  );
  assert.match(refused[0]?.reason ?? "", /floor of 500 \(min_threshold in the registry\)/);
  assert.match(refused[0]?.advice ?? "", /RANGEBAR_MIN_THRESHOLD_SOLUSDT=250/);
});

test("what is complete is left, what is half done goes on where it ended", () => {
  const { units } = expectedUnits([wanted({ thresholds: [parseThreshold(250)] })]);
  const known = new Map<string, KnownUnit>([
    ["BTCUSDT@250:2022", { covered: { day: parseDay("2022-12-31"), dayDone: true } }],
    ["BTCUSDT@250:2023", { covered: { day, dayDone: true } }],
    ["BTCUSDT@250:2024", { covered: { day: parseDay("2024-02-29"), dayDone: false } }],
  ]);
  const missing = missingUnits(units, known, "none");
  assert.deepEqual(missing.left, [{ unit: "BTCUSDT@250:2022", reason: "complete" }]);
  assert.deepEqual(
    missing.planned.map(({ id, action, from }) => [id, action, from]),
    [
      ["BTCUSDT@250:2023", "continue", "2023-07-01"],
      ["BTCUSDT@250:2024", "continue", "2024-02-29"],
    ],
  );
  assert.ok(missingUnits(units, new Map(), "none").planned.every(({ action }) => action === "build"));
});

test("each policy takes up its own, and says why the others are left", () => {
  const unit = expectedUnits([wanted({ thresholds: [parseThreshold(250)] })]).units[1];
  assert.ok(unit);
  const whole = { day: unit.lastDay, dayDone: true };
  const cases: readonly (readonly [string, KnownUnit, ReprocessPolicy | undefined])[] = [
    ["never tried", {}, "none"],
    ["half done", { covered: { day, dayDone: true } }, "none"],
    ["failed", { failed: "CHECKSUM_MISMATCH" }, "failed"],
    ["quarantined", { failed: "BUG", quarantined: "read its log" }, "failed"],
    ["stale", { covered: whole, stale: "bar version 1, now 2" }, "stale"],
    ["half done and stale", { covered: { day, dayDone: true }, stale: "bar version 1, now 2" }, "stale"],
    ["stale and held", { covered: whole, stale: "a day was revised", held: true }, "completed"],
    ["complete", { covered: whole }, "completed"],
    ["queued", { busy: "queued" }, undefined],
    ["running", { covered: { day, dayDone: true }, busy: "running" }, undefined],
  ];
  for (const [name, known, least] of cases) {
    const taking: readonly ReprocessPolicy[] = reprocessPolicies.filter(
      (policy) => missingUnits([unit], new Map([[unit.id, known]]), policy).planned.length === 1,
    );
    assert.deepEqual(
      taking,
      least === undefined ? [] : reprocessPolicies.slice(reprocessPolicies.indexOf(least)),
      name,
    );
    const [left] = missingUnits([unit], new Map([[unit.id, known]]), "none").left;
    if (least !== "none") assert.notEqual(left?.reason ?? "", "", name);
  }
  const rebuilt = missingUnits(
    [unit],
    new Map([[unit.id, { covered: { day, dayDone: true }, stale: "revised" }]]),
    "stale",
  );
  assert.deepEqual(
    rebuilt.planned.map(({ action, from }) => [action, from]),
    [["rebuild", unit.firstDay]],
  );
});

const anyKnown: fc.Arbitrary<KnownUnit> = fc.record({
  covered: fc.option(
    fc.record({
      day: fc.integer({ min: 0, max: 800 }).map((n) => addDays(parseDay("2022-03-01"), n)),
      dayDone: fc.boolean(),
    }),
    {
      nil: undefined,
    },
  ),
  stale: fc.option(fc.constant("revised"), { nil: undefined }),
  failed: fc.option(fc.constant("BUG"), { nil: undefined }),
  quarantined: fc.option(fc.constant("read its log"), { nil: undefined }),
  busy: fc.option(fc.constantFrom("queued" as const, "running" as const), { nil: undefined }),
  held: fc.boolean(),
});

test("what a policy plans, each later policy plans too; every unit is planned or left, never both", () => {
  const { units } = expectedUnits([wanted()]);
  const all = fc.tuple(...units.map(() => anyKnown));
  fc.assert(
    fc.property(all, (states) => {
      const known = new Map(units.map((unit, i) => [unit.id, states[i] ?? {}]));
      let before: string[] = [];
      for (const policy of reprocessPolicies) {
        const missing = missingUnits(units, known, policy);
        const planned = idsOf(missing);
        assert.ok(
          before.every((id) => planned.includes(id)),
          policy,
        );
        const seen = [...planned, ...missing.left.map(({ unit }) => unit)].toSorted();
        assert.deepEqual(seen, units.map(({ id }) => id).toSorted());
        before = planned;
      }
    }),
    { numRuns: 60 },
  );
});

test("units of one symbol and segment share a job; a rebuild shares none with units that go on", () => {
  const { units } = expectedUnits([wanted(), wanted({ symbol: "ETHUSDT", thresholds: [parseThreshold(1000)] })]);
  const known = new Map<string, KnownUnit>([
    ["BTCUSDT@500:2023", { covered: { day, dayDone: true } }],
    ["BTCUSDT@1000:2023", { covered: { day, dayDone: true }, stale: "revised" }],
  ]);
  const { planned } = missingUnits(units, known, "stale");
  const jobs = jobsOf(planned, "shared");
  assert.deepEqual(
    jobs.map(({ id, group, from, to }) => [id, group, from, to]),
    [
      ["BTCUSDT@250,500,1000:2022", "p2", "2022-03-01", "2022-12-31"],
      ["BTCUSDT@250,500:2023", "p2", "2023-01-01", "2023-12-31"],
      ["BTCUSDT@250,500,1000:2024", "p2", "2024-01-01", "2024-02-29"],
      ["BTCUSDT@1000:2023:rebuild", "p1", "2023-01-01", "2023-12-31"],
      ["ETHUSDT@1000:2022", "p1", "2022-03-01", "2022-12-31"],
      ["ETHUSDT@1000:2023", "p1", "2023-01-01", "2023-12-31"],
      ["ETHUSDT@1000:2024", "p1", "2024-01-01", "2024-02-29"],
    ],
  );
  const single = jobsOf(planned, "single");
  assert.equal(single.length, planned.length);
  assert.equal(new Set(single.map(({ id }) => id)).size, planned.length);
});

test("jobs hold each unit once, and only units of one symbol, segment and kind", () => {
  const units = expectedUnits([wanted(), wanted({ symbol: "ETHUSDT" }), wanted({ market: "futures-um" })]).units;
  const choice = fc.subarray([...units], { minLength: 1 });
  fc.assert(
    fc.property(choice, fc.boolean(), (chosen: readonly ExpectedUnit[], isShared) => {
      const { planned } = missingUnits(chosen, new Map(), "none");
      const jobs = jobsOf(planned, isShared ? "shared" : "single");
      assert.deepEqual(
        jobs.flatMap((job) => job.units.map(({ id }) => id)).toSorted(),
        idsOf({ planned, left: [] }).toSorted(),
      );
      for (const job of jobs) {
        assert.equal(
          new Set(job.units.map(({ market, symbol, segment }) => `${market} ${symbol} ${segment.id}`)).size,
          1,
        );
      }
      assert.equal(new Set(jobs.map(({ id }) => id)).size, jobs.length);
    }),
    { numRuns: 50 },
  );
});
