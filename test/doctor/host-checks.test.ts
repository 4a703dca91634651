import assert from "node:assert/strict";
import { test } from "node:test";
import type { FleetHost } from "../../lib/config/index.ts";
import { judgeSkew, skewOf } from "../../lib/doctor/host/clock.ts";
import { judgeFacts } from "../../lib/doctor/host/fact-checks.ts";
import type { HostFacts } from "../../lib/doctor/host/facts.ts";

const entry: FleetHost = {
  name: "bigbox",
  sshAlias: "bigbox",
  directory: "/srv/barkeep",
  queue: "pueue",
  memoryMb: 1000,
  jobsMax: 1,
  storeUrl: "http://localhost:8123",
  thresholds: undefined,
  services: [],
};

const well: HostFacts = {
  user: "keeper",
  nearest: "/srv/barkeep",
  isWritable: true,
  freeBytes: 1e12,
  userManager: "running",
  lingers: true,
  cgroupType: "cgroup2fs",
  controllers: ["cpu", "memory", "pids"],
  release: "/srv/barkeep/releases/abc",
};

/** The states by name of the checks that are not ok, and their fixes. */
function complaints(facts: Partial<HostFacts>, more: Partial<FleetHost> = {}): Record<string, string> {
  const findings = judgeFacts({ ...entry, ...more }, { ...well, ...facts }).filter(({ state }) => state !== "ok");
  for (const { state, fix } of findings) assert.equal(fix === undefined, state === "skipped");
  return Object.fromEntries(findings.map(({ name, state }) => [name, state]));
}

/** What a look at a clock comes to. */
function state(text: string, sentMs: number, receivedMs: number): string {
  const skew = skewOf(text, sentMs, receivedMs);
  return skew === undefined ? "none" : judgeSkew(skew).state;
}

test("a host that has all of it", () => {
  assert.deepEqual(complaints({}), {});
  // The manager works although some unit of the account has failed.
  assert.deepEqual(complaints({ userManager: "degraded " }), {});
});

test("what is missing, alone", () => {
  assert.deepEqual(complaints({ isWritable: false }), { directory: "failed" });
  assert.deepEqual(complaints({ freeBytes: 1e9 }), { disk: "failed" });
  assert.deepEqual(complaints({ userManager: "Failed to connect to bus: No medium found" }), {
    "user manager": "warning",
  });
  assert.deepEqual(complaints({ lingers: false }), { lingering: "failed" });
  assert.deepEqual(complaints({ lingers: false }, { queue: "local" }), { lingering: "warning" });
  assert.deepEqual(complaints({ cgroupType: "tmpfs" }), { "memory control": "warning" });
  assert.deepEqual(complaints({ controllers: ["pids"] }), { "memory control": "warning" });
  assert.deepEqual(complaints({ release: undefined }), { release: "failed" });
});

test("what does not apply is said so and is no failure", () => {
  const bare = { userManager: undefined, lingers: false, cgroupType: undefined, controllers: [] };
  assert.deepEqual(complaints(bare), { "user manager": "warning", lingering: "skipped", "memory control": "skipped" });
  assert.deepEqual(complaints(bare, { queue: "slurm" }), {
    "user manager": "skipped",
    lingering: "skipped",
    "memory control": "skipped",
  });
  assert.deepEqual(complaints({ release: undefined }, { sshAlias: undefined }), { release: "skipped" });
});

test("a clock's skew is what the time of asking cannot explain", () => {
  assert.deepEqual(skewOf("1000.500000000", 1_000_400, 1_000_600), { offsetMs: 0, uncertaintyMs: 100 });
  assert.deepEqual(skewOf("1000.N", 1_000_000, 1_000_000), { offsetMs: 500, uncertaintyMs: 500 });
  assert.equal(skewOf("Thu Nov 26", 0, 0), undefined);
  assert.equal(state("1002.000000000", 1_000_000, 1_000_000), "warning");
  assert.equal(state("1002.000000000", 1_000_000, 1_003_000), "ok");
  assert.equal(state("998.000000000", 1_000_000, 1_000_000), "warning");
  assert.equal(state("1031.000000000", 1_000_000, 1_000_000), "failed");
  assert.equal(state("1001.N", 1_000_000, 1_000_000), "ok");
});
