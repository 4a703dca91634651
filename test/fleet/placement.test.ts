import assert from "node:assert/strict";
import { test } from "node:test";
import type { FleetJob } from "../../lib/fleet/jobs.ts";
import { groupSetups } from "../../lib/fleet/groups.ts";
import { placeUnits, type PlacementHost } from "../../lib/fleet/placement.ts";
import { parseSegmentId } from "../../lib/model/segments.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { groupOf } from "../../lib/model/groups.ts";

function job(thresholds: readonly number[], seconds = 1, memoryBytes = 400e6, symbol = "BTCUSDT"): FleetJob {
  const parsed = thresholds.map(parseThreshold);
  const units = parsed.map((threshold) => ({
    unit: `${symbol}@${threshold}:2024`,
    from: "2024-01-01",
    to: "2024-12-31",
    days: 366,
    archiveBytes: 1,
    bars: 1,
    storeBytes: 1,
    memoryBytes,
    seconds,
  }));
  return {
    venue: "binance",
    market: "spot",
    symbol,
    segment: parseSegmentId("2024"),
    thresholds: parsed,
    group: groupOf(parsed),
    units,
    archiveBytes: 1,
    memory: { requestBytes: memoryBytes, basis: "guessed", reason: "a test", outgrownBytes: 0 },
    seconds,
    document: {},
    barVersion: 1,
  };
}

function host(name: string, more: Partial<PlacementHost> = {}): PlacementHost {
  return { name, memoryMb: 8000, jobsMax: 2, thresholds: undefined, ...more };
}

test("a job stays whole on a host that takes all its thresholds, and is split where none does", () => {
  const some = host("some", { thresholds: [250, 1000] });
  const whole = placeUnits([job([250, 500])], [some, host("all")]);
  assert.deepEqual(
    [...whole.hosts],
    [
      ["BTCUSDT@250:2024", "all"],
      ["BTCUSDT@500:2024", "all"],
    ],
  );
  const split = placeUnits([job([250, 500, 1000])], [some, host("other", { thresholds: [500] })]);
  assert.deepEqual(Object.fromEntries(split.hosts), {
    "BTCUSDT@250:2024": "some",
    "BTCUSDT@500:2024": "other",
    "BTCUSDT@1000:2024": "some",
  });
});

test("what no host takes is said, with what to change", () => {
  const { hosts, unplaced } = placeUnits([job([250, 500])], [host("alpha", { thresholds: [250] })]);
  assert.deepEqual([...hosts.keys()], ["BTCUSDT@250:2024"]);
  assert.deepEqual(
    unplaced.map(({ unit, reason }) => `${unit} ${reason}`),
    ["BTCUSDT@500:2024 alpha does not take 500 dbps"],
  );
  const [large] = placeUnits([job([250], 1, 9e9)], [host("alpha")]).unplaced;
  assert.match(large?.reason ?? "", /asks for \d+ MB, more than alpha has/);
  assert.match(large?.advice ?? "", /raise memory_mb/);
});

test("work is spread by the places that hosts have", () => {
  const jobs = Array.from({ length: 9 }, (_, i) => job([250], 1, 400e6, `S${i}USDT`));
  const { hosts } = placeUnits(jobs, [host("small", { jobsMax: 1 }), host("large", { jobsMax: 2 })]);
  const counts = Object.groupBy([...hosts.values()], (name) => name);
  assert.equal(counts["small"]?.length, 3);
  assert.equal(counts["large"]?.length, 6);
});

function parallel(jobsMax: number, thresholds?: readonly number[]): Record<string, number> {
  return Object.fromEntries(groupSetups({ jobsMax, thresholds }).map((group) => [group.name, group.parallel]));
}

test("the groups of a host together run no more than jobs_max, and each at least one", () => {
  assert.deepEqual(parallel(11), { p1: 4, p2: 2, p3: 3, px: 2 });
  assert.deepEqual(parallel(8), { p1: 2, p2: 2, p3: 2, px: 2 });
  assert.deepEqual(parallel(2), { p1: 1, p2: 1, p3: 1, px: 1 });
  assert.deepEqual(parallel(2, [250]), { p2: 2 });
});
