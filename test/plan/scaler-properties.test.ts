import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Decision, ScalerState } from "../../lib/plan/scaler/decision.ts";
import {
  bytesAt,
  bytesNow,
  groupLoads,
  openGroups,
  tasksNow,
  type GroupLoad,
} from "../../lib/plan/scaler/group-load.ts";
import { scalerLimits } from "../../lib/plan/scaler/limits.ts";
import type { GroupReading, HostReading } from "../../lib/plan/scaler/reading.ts";
import { anyReading } from "./arbitraries.ts";
import { carriedOut, decideNow, nowMs, parallelAfter, total } from "./decisions.ts";

const instant = fc.option(fc.integer({ min: 0, max: nowMs }), { nil: undefined });
const anyState: fc.Arbitrary<ScalerState> = fc.record({
  isAdmitting: fc.boolean(),
  upAtMs: instant,
  downAtMs: instant,
  killedAtMs: instant,
  ceiling: fc.option(fc.record({ tasks: fc.nat(30), seenAtMs: fc.integer({ min: 0, max: nowMs }) }), {
    nil: undefined,
  }),
  stops: fc.constant([]),
});

function always(name: string, check: (reading: HostReading, decision: Decision, state: ScalerState) => void): void {
  test(name, () => {
    fc.assert(
      fc.property(anyReading, anyState, (reading, state) => check(reading, decideNow(reading, state), state)),
      { numRuns: 400 },
    );
  });
}

function budgetOf({ budget }: HostReading): number {
  return budget.memoryBytes - budget.reserveBytes;
}

/** The groups as they are once the decision is carried out. */
function loadsAfter(reading: HostReading, decision: Decision): GroupLoad[] {
  return groupLoads(carriedOut(reading, decision.actions), scalerLimits);
}

function isOpen({ state, parallel }: GroupReading): boolean {
  return state === "running" && typeof parallel === "number" && parallel > 0;
}

always(
  "only groups that run and whose parallel is known are acted on, or those that we hold",
  (reading, { actions }) => {
    const open = new Set(reading.groups?.filter((one) => isOpen(one) || one.state === "held").map(({ name }) => name));
    for (const action of actions) {
      if ("group" in action) assert.ok(open.has(action.group), `${action.action} on ${action.group}`);
    }
  },
);

always("nothing is done where the host or its queue is not known", (reading, { actions, isAdmitting }) => {
  if (reading.lost === undefined && reading.groups !== undefined) return;
  assert.deepEqual(actions, []);
  assert.equal(isAdmitting, false);
});

always("a parallel stays 1 or more, and a change is one, with a reason", (_, { actions }) => {
  for (const action of actions) {
    assert.notEqual(action.reason, "");
    if (action.action === "set parallel") assert.ok(action.to >= 1 && action.to !== action.from);
  }
});

always("no step up lets the queue start more than the budget holds, or more than jobs_max", (reading, decision) => {
  const isRaised = decision.actions.some((one) => one.action === "set parallel" && one.to > one.from);
  if (!isRaised) return;
  assert.equal(decision.verdict, "up");
  const after = loadsAfter(reading, decision);
  assert.ok(total(after.map(bytesNow)) <= budgetOf(reading));
  assert.ok(total(after.map(tasksNow)) <= reading.jobsMax);
});

always("what could start beyond the budget is taken back, as far as groups may be acted on", (reading, decision) => {
  if (decision.verdict === "relief" || decision.verdict === "none") return;
  const after = loadsAfter(reading, decision);
  const open = openGroups(after);
  const fixed = after.filter((load) => !isOpen(load)).map(({ runningBytes }) => total(runningBytes));
  const canShrink = open.some((load) => load.parallel > 1 && bytesNow(load) > bytesAt(load, load.runningBytes.length));
  assert.ok(!canShrink || total([...fixed, ...open.map(bytesNow)]) <= budgetOf(reading));
});

always("once its actions are carried out, nothing more is wanted", (reading, decision) => {
  assert.deepEqual(decideNow(carriedOut(reading, decision.actions), decision.state).actions, []);
});

always("live units are never stopped, nor any that does not run", (reading, { actions }) => {
  for (const action of actions) {
    if (!("unit" in action)) continue;
    assert.equal(reading.running.find(({ unit }) => unit === action.unit)?.isLive, false);
  }
});

always(
  "nobody is stopped unless memory is short, and nothing is admitted or raised while it is",
  (reading, decision) => {
    const { memory, pressure } = reading;
    if (memory === undefined) return;
    const share = memory.availableBytes / memory.totalBytes;
    const stall = typeof pressure === "object" ? (pressure.memory.full?.avg10 ?? 0) : 0;
    const { stopYoungest, stopAdmitting } = scalerLimits.danger;
    if (share >= stopYoungest.availableBelow && stall <= stopYoungest.stallAbove) {
      assert.ok(decision.actions.every((one) => !("unit" in one)));
    }
    if (share >= stopAdmitting.availableBelow) return;
    assert.equal(decision.isAdmitting, false);
    assert.ok(decision.actions.every((one) => one.action !== "set parallel" || one.to < one.from));
  },
);

always("an unreadable pressure never raises anything", (reading, { actions }) => {
  if (reading.pressure !== undefined) return;
  assert.ok(actions.every((one) => one.action !== "set parallel" || one.to < one.from));
});

test("less available memory never leads to more", () => {
  fc.assert(
    fc.property(anyReading, anyState, fc.double({ min: 0, max: 1, noNaN: true }), (reading, state, share) => {
      const { memory } = reading;
      if (memory === undefined) return;
      const more = decideNow(reading, state);
      const less = { ...reading, memory: { ...memory, availableBytes: Math.floor(memory.availableBytes * share) } };
      // A step down that is due waits while memory is short: relief takes its place, and starts nothing.
      if (more.verdict === "down") return;
      assert.ok(parallelAfter(less, decideNow(less, state)) <= parallelAfter(reading, more));
    }),
    { numRuns: 400 },
  );
});
