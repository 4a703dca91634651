import assert from "node:assert/strict";
import { test } from "node:test";
import { readingOf } from "../../lib/fleet/scale/reading.ts";
import { decide } from "../../lib/plan/scaler/decide.ts";
import { initialState } from "../../lib/plan/scaler/decision.ts";
import { scalerLimits } from "../../lib/plan/scaler/limits.ts";
import type { QueueTask } from "../../lib/queue/queue.ts";

const nowMs = Date.parse("2024-01-01T00:00:00Z");
const entry = {
  name: "alpha",
  sshAlias: undefined,
  directory: "/srv/barkeep",
  queue: "pueue",
  memoryMb: 8000,
  jobsMax: 2,
  storeUrl: undefined,
  thresholds: undefined,
  services: [],
} as const;
const signs = {
  cores: 8,
  load: { one: 0, five: 0, fifteen: 0 },
  memory: { totalBytes: 16e9, availableBytes: 15e9 },
  pressure: "none",
  peaks: new Map<string, number>(),
} as const;

function queued(number: string, group: string, dbps: number, awaits?: readonly string[]): QueueTask {
  const label = `S${number}USDT@${dbps}:2024#1~0f`;
  const createdAt = new Date(nowMs).toISOString();
  return { label, createdAt, group, state: { kind: "queued" }, number, memoryBytes: 1e8, awaits };
}

test("jobs_max 2 and three groups: the first job of the third gets a place, although tasks of the others wait behind it", () => {
  const hold = { group: "p3", why: "jobs_max", reason: "a test", since: new Date(nowMs).toISOString() } as const;
  const groups = (["p1", "p2", "p3"] as const).map((name) => {
    return { name, status: name === "p3" ? "paused" : "running", parallel: 1 } as const;
  });
  const tasks = [
    queued("3", "p3", 500),
    queued("4", "p1", 1000, ["3"]),
    queued("5", "p2", 250, ["3"]),
    queued("6", "p3", 500, ["3"]),
  ];
  const look = { snapshot: { tasks, groups }, unattended: new Set<string>(), holds: new Map([["p3", hold]]) };
  const { actions } = decide(readingOf(entry, look, signs, nowMs), initialState, scalerLimits, nowMs);
  assert.deepEqual(
    actions.map((one) => [one.action, "group" in one ? one.group : ""].join(" ")),
    ["hold group p1", "let group go p3"],
  );
});
