import assert from "node:assert/strict";
import { test } from "node:test";
import { decide } from "../../lib/plan/scaler/decide.ts";
import { initialState, type Decision, type ScalerState } from "../../lib/plan/scaler/decision.ts";
import { bytesAt, groupLoads, tasksAt } from "../../lib/plan/scaler/group-load.ts";
import { scalerLimits } from "../../lib/plan/scaler/limits.ts";
import type { HostReading } from "../../lib/plan/scaler/reading.ts";
import { group, quietReading, runningUnit, stall, tasks } from "./arbitraries.ts";
import { carriedOut, decideNow, nowMs, parallelAfter } from "./decisions.ts";

const gigabyte = 1e9;

function changesOf(decision: Decision): Record<string, number> {
  const changes = decision.actions.flatMap((action) =>
    action.action === "set parallel" ? [[action.group, action.to] as const] : [],
  );
  return Object.fromEntries(changes);
}

function verbs({ actions }: Decision): string[] {
  return [...new Set(actions.map(({ action }) => action))];
}

/** Units that are stopped or killed. */
function units({ actions }: Decision): string[] {
  return actions.flatMap((one) => ("unit" in one ? [one.unit] : []));
}

/** Full groups with more queued: what a step up needs. */
function busy(changes: Partial<HostReading> = {}): HostReading {
  const running = [...tasks(4, "p1", 0.5e9), ...tasks(2, "p2", 0.5e9), ...tasks(3, "p3", 0.5e9)];
  const queued = [...tasks(9, "p1", 0.5e9, "q"), ...tasks(9, "p2", 0.5e9, "q"), ...tasks(9, "p3", 0.5e9, "q")];
  return quietReading({ running, queued, ...changes });
}

test("an idle host takes one more of each group that has work and uses all it has", () => {
  const decision = decideNow(busy());
  assert.equal(decision.verdict, "up");
  assert.deepEqual(changesOf(decision), { p1: 5, p2: 3, p3: 4 });
  assert.deepEqual(decideNow(quietReading()).actions, [], "nothing is queued");
  const half = busy({ running: tasks(1, "p2", 0.5e9) });
  assert.deepEqual(changesOf(decideNow(half)), {}, "no group uses all it has");
});

test("between floor and ceiling nothing moves; above it a share of what runs is taken from the largest groups", () => {
  const at = (some: number): HostReading => busy({ pressure: { cpu: stall(some), memory: stall(0), io: stall(0) } });
  for (const some of [40, 55, 80]) assert.deepEqual(decideNow(at(some)).actions, [], `cpu some ${some}`);
  assert.deepEqual(changesOf(decideNow(at(81))), { p1: 3 }, "9 run, 0.9 of them are 8");
  const memory = decideNow(busy({ pressure: { cpu: stall(0), memory: stall(11), io: stall(0) } }));
  assert.deepEqual(changesOf(memory), { p1: 2, p3: 2 }, "0.75 of 9 are 6");
});

test("a minute has to agree that cores are short; memory is judged by ten seconds", () => {
  const spike = { some: { avg10: 99, avg60: 20, avg300: 5 }, full: undefined };
  assert.deepEqual(decideNow(busy({ pressure: { cpu: spike, memory: stall(0), io: stall(0) } })).actions, []);
  assert.equal(decideNow(busy({ pressure: { cpu: stall(0), memory: spike, io: stall(0) } })).verdict, "down");
});

function withoutPressure(load: number, availableShare: number): Decision {
  return decideNow(
    quietReading({
      pressure: "none",
      load: { one: load, five: 0, fifteen: 0 },
      memory: { totalBytes: 61e9, availableBytes: 61e9 * availableShare },
      running: tasks(4, "p1", 0.5e9),
      queued: tasks(9, "p1", 0.5e9, "q"),
    }),
  );
}

test("without pressure information the older limits decide, whole percents and strictly", () => {
  assert.equal(withoutPressure(32 * 0.39, 0.9).verdict, "up");
  assert.equal(withoutPressure(32 * 0.4, 0.9).verdict, "hold");
  assert.equal(withoutPressure(32 * 0.8, 0.9).verdict, "hold");
  assert.deepEqual(changesOf(withoutPressure(32 * 0.81, 0.9)), { p1: 3, p2: 1, p3: 2 }, "one of each group");
  assert.equal(withoutPressure(1, 0.41).verdict, "up");
  assert.equal(withoutPressure(1, 0.4).verdict, "hold");
  assert.equal(withoutPressure(1, 0.2).verdict, "hold");
  assert.equal(withoutPressure(1, 0.19).verdict, "down");
});

function fullGroup(parallel: number, changes: Partial<HostReading>): HostReading {
  return quietReading({
    groups: [group("p1", parallel)],
    running: tasks(parallel, "p1", 0.1e9),
    queued: tasks(3, "p1", 0.1e9, "q"),
    ...changes,
  });
}

test("without pressure information the older group maxima hold", () => {
  assert.deepEqual(changesOf(decideNow(fullGroup(7, { pressure: "none" }))), { p1: 8 });
  assert.deepEqual(changesOf(decideNow(fullGroup(8, { pressure: "none" }))), {});
  assert.deepEqual(
    changesOf(decideNow(fullGroup(8, {}))),
    { p1: 9 },
    "where pressure is measured only jobs_max bounds",
  );
});

/** Of how many groups one more is allowed. */
function raised(changes: Partial<HostReading>): number {
  return Object.keys(changesOf(decideNow(busy(changes)))).length;
}

function budgetOf(memoryBytes: number): Partial<HostReading> {
  return { budget: { memoryBytes, reserveBytes: 0 } };
}

function available(bytes: number): Partial<HostReading> {
  return { memory: { totalBytes: 61 * gigabyte, availableBytes: 6.1 * gigabyte + bytes } };
}

test("one step sees all groups against one budget, one host's memory and one jobs_max", () => {
  // 9 run with 0.5 GB each.
  assert.equal(raised(budgetOf(5.4 * gigabyte)), 1);
  assert.equal(raised(budgetOf(5.5 * gigabyte)), 2);
  assert.equal(raised(budgetOf(6 * gigabyte)), 3);
  for (const [bytes, groups] of [
    [0.4, 0],
    [0.9, 1],
    [1.4, 2],
    [1.6, 3],
  ] as const) {
    assert.equal(raised(available(bytes * gigabyte)), groups, `${bytes} GB can be given`);
  }
  assert.equal(raised({ jobsMax: 9 }), 0);
  assert.equal(raised({ jobsMax: 11 }), 2);
});

/** 0.4 GB of a small host can be given, and the next task asks for so much. */
function nextOf(bytes: number): Decision {
  const memory = { totalBytes: gigabyte, availableBytes: 0.5 * gigabyte };
  return decideNow(fullGroup(4, { pressure: "none", memory, queued: tasks(1, "p1", bytes, "q") }));
}

test("without pressure information each step needs twice the memory", () => {
  assert.deepEqual(changesOf(nextOf(0.2 * gigabyte)), { p1: 5 });
  assert.deepEqual(changesOf(nextOf(0.21 * gigabyte)), {});
});

test("what may start is counted at its largest, and what runs at all it was promised", () => {
  const mixed = quietReading({
    budget: { memoryBytes: 10 * gigabyte, reserveBytes: 0 },
    groups: [group("p1", 2)],
    running: tasks(1, "p1", 3 * gigabyte),
    queued: [...tasks(3, "p1", gigabyte, "q"), runningUnit("large", "p1", { requestBytes: 8 * gigabyte })],
  });
  const decision = decideNow(mixed);
  assert.equal(decision.reason, "limits of 11.0 GB on a budget of 10.0 GB");
  assert.deepEqual(changesOf(decision), { p1: 1 });
  const [load] = groupLoads({ ...mixed, running: tasks(3, "p1", 3 * gigabyte) }, scalerLimits);
  assert.ok(load);
  assert.deepEqual([tasksAt(load, 1), bytesAt(load, 1)], [3, 9 * gigabyte], "a smaller parallel ends nothing");
  assert.deepEqual([tasksAt(load, 4), bytesAt(load, 4)], [4, 17 * gigabyte]);
  const more = decideNow({ ...mixed, groups: [group("p1", 1)], running: tasks(3, "p1", 3 * gigabyte), queued: [] });
  assert.deepEqual(more.actions, [], "three run, although one may: 9 GB are taken");
  assert.deepEqual(decideNow({ ...mixed, running: tasks(4, "p1", 3 * gigabyte), queued: [] }).verdict, "hold");
});

test("what a group without work does not use is handed over at once", () => {
  const reading = quietReading({
    groups: [group("p1", 8), group("p2", 6), group("p3", 4)],
    running: tasks(4, "p3", 0.5e9),
    waiting: tasks(30, "p3", 0.5e9, "w"),
  });
  const decision = decideNow(reading);
  assert.deepEqual(changesOf(decision), { p1: 1, p2: 1, p3: 17 }, "one more, and the 12 that are idle");
  assert.equal(parallelAfter(reading, decision), 8 + 6 + 4 + 1);
});

test("after a step the next has to wait, longer after one down", () => {
  const up = decideNow(busy());
  const later = (state: ScalerState, afterMs: number): Decision =>
    decide({ ...busy(), readAtMs: nowMs + afterMs }, state, scalerLimits, nowMs + afterMs);
  assert.deepEqual(later(up.state, scalerLimits.upEveryMs - 1).actions, []);
  assert.equal(later(up.state, scalerLimits.upEveryMs).verdict, "up");
  const down = decideNow(busy({ pressure: { cpu: stall(0), memory: stall(50), io: stall(0) } }));
  assert.deepEqual(later(down.state, scalerLimits.upAfterDownMs - 1).actions, []);
});

test("after a step down, whatever it was for, the next one up waits longer than the next one down", () => {
  const state = { ...initialState, downAtMs: nowMs };
  const later = (afterMs: number, changes: Partial<HostReading>): string =>
    decide(busy({ ...changes, readAtMs: nowMs + afterMs }), state, scalerLimits, nowMs + afterMs).verdict;
  const crowded = { pressure: { cpu: stall(0), memory: stall(50), io: stall(0) } };
  assert.equal(later(scalerLimits.downEveryMs - 1, crowded), "hold");
  assert.equal(later(scalerLimits.downEveryMs, crowded), "down");
  assert.equal(later(scalerLimits.upAfterDownMs - 1, {}), "hold");
  assert.equal(later(scalerLimits.upAfterDownMs, {}), "up");
});

test("as many as were too many are not tried again for a while", () => {
  const down = decideNow(busy({ pressure: { cpu: stall(99), memory: stall(0), io: stall(0) } }));
  assert.deepEqual(down.state.ceiling, { tasks: 9, seenAtMs: nowMs });
  const eight = busy({ running: busy().running.slice(1), groups: [group("p1", 3), group("p2", 2), group("p3", 3)] });
  const later = (afterMs: number, pressure = eight.pressure): Decision =>
    decide({ ...eight, pressure, readAtMs: nowMs + afterMs }, down.state, scalerLimits, nowMs + afterMs);
  // Eight run; nine were too many.
  assert.deepEqual(later(scalerLimits.upAfterDownMs).actions, []);
  assert.match(later(scalerLimits.upAfterDownMs).groups[0]?.reason ?? "", /one more was too much lately/);
  assert.deepEqual(later(scalerLimits.ceilingIdleMs - 1).actions, []);
  assert.equal(later(scalerLimits.ceilingIdleMs).verdict, "up", "a whole minute was idle since");
  const working = { cpu: stall(11), memory: stall(0), io: stall(0) };
  assert.deepEqual(later(scalerLimits.ceilingMs - 1, working).actions, []);
  assert.equal(later(scalerLimits.ceilingMs, working).verdict, "up");
});

test("S-19: a paused group, an unreadable status, a dead host: no action, and the reason", () => {
  const work = { running: tasks(4, "p1", 0.5e9), queued: tasks(9, "p1", 0.5e9, "q") };
  const paused = decideNow(quietReading({ ...work, groups: [group("p1", 4, "paused")] }));
  assert.deepEqual(paused.actions, []);
  assert.match(paused.groups[0]?.reason ?? "", /^paused/);
  const unreadable = decideNow(quietReading({ ...work, groups: undefined }));
  assert.deepEqual([unreadable.verdict, unreadable.actions, unreadable.isAdmitting], ["none", [], false]);
  assert.match(unreadable.reason, /status cannot be read/);
  const dead = decideNow(quietReading({ ...work, lost: "connection refused" }));
  assert.deepEqual([dead.verdict, dead.actions, dead.isAdmitting], ["none", [], false]);
  assert.match(dead.reason, /lost: connection refused/);
  const old = decideNow(quietReading({ ...work, readAtMs: nowMs - scalerLimits.readingAgeMaxMs - 1 }));
  assert.deepEqual([old.verdict, old.actions], ["none", []]);
});

test("S-19: 104 GB of limits on 61 GB are taken back to the budget, and nothing is added beyond it", () => {
  const everything = {
    queued: [...tasks(40, "p1", undefined), ...tasks(40, "p2", undefined), ...tasks(40, "p3", undefined)],
  };
  const maxima = [group("p1", 8), group("p2", 6), group("p3", 10)];
  const decision = decideNow(quietReading({ ...everything, groups: maxima }));
  assert.equal(decision.reason, "limits of 104.0 GB on a budget of 55.0 GB");
  assert.deepEqual(changesOf(decision), { p2: 2, p3: 5 }, "the groups that hold most, until it fits");
  const { p1 = 8, p2 = 6, p3 = 10 } = changesOf(decision);
  assert.ok(p1 * 2 + p2 * 8 + p3 * 4 <= 55);

  const full = quietReading({
    groups: [group("p1", 2), group("p2", 4), group("p3", 4)],
    running: [...tasks(2, "p1", undefined), ...tasks(4, "p2", undefined), ...tasks(4, "p3", undefined)],
    queued: tasks(9, "p2", undefined, "q"),
  });
  const refused = decideNow(full);
  assert.deepEqual(refused.actions, []);
  const reason = refused.groups.find((one) => one.group === "p2")?.reason;
  assert.equal(reason, "the next asks for 8.0 GB, 3.0 GB of the budget are free");
});

test("D-05: after a reboot, with idle cores and a full queue, a paused group is not raised, decision after decision", () => {
  let state = initialState;
  const reading = quietReading({
    groups: [group("p1", 4, "paused"), group("p2", 2, "paused")],
    queued: [...tasks(50, "p1", 0.5e9), ...tasks(50, "p2", 0.5e9)],
  });
  for (let atMs = nowMs; atMs < nowMs + 3_600_000; atMs += 10_000) {
    const decision = decide({ ...reading, readAtMs: atMs }, state, scalerLimits, atMs);
    assert.deepEqual(decision.actions, []);
    state = decision.state;
  }
});

test("D-06: a parallel that cannot be read is not taken for 0, and none is not taken for few: neither is written over", () => {
  for (const parallel of [undefined, "unlimited", 0] as const) {
    const decision = decideNow(busy({ groups: [group("p1", parallel), group("p2", 2), group("p3", 3)] }));
    assert.deepEqual(changesOf(decision), { p2: 3, p3: 4 });
    assert.match(decision.groups[0]?.reason ?? "", parallel === undefined ? /cannot be read/ : /took its limit away/);
  }
});

/** What follows a decision when so much memory is available. */
function shortOfMemory(availableShare: number, before?: Decision, afterMs = 0): Decision {
  const memory = { totalBytes: 61 * gigabyte, availableBytes: 61 * gigabyte * availableShare };
  const reading = carriedOut(
    { ...(before?.reading ?? busy()), memory, readAtMs: nowMs + afterMs },
    before?.actions ?? [],
  );
  return decide(reading, before?.state ?? initialState, scalerLimits, nowMs + afterMs);
}

test("short memory: first nothing more is admitted, then the youngest stops at its commit, then it is killed", () => {
  const closed = shortOfMemory(0.09);
  assert.deepEqual(verbs(closed), ["stop admitting", "hold group"]);
  assert.equal(closed.lookAgainMs, scalerLimits.lookInDangerEveryMs);

  const stopping = shortOfMemory(0.058, closed);
  assert.deepEqual(verbs(stopping), ["stop at commit"], "the groups are held already");
  assert.deepEqual(units(stopping).slice(0, 2), ["u3@p1", "u2@p1"], "the youngest first");
  assert.equal(units(stopping).length, Math.ceil((61 * 0.042) / 0.4), "as many as hold what is lacking");

  assert.deepEqual(shortOfMemory(0.058, stopping, 2000).actions, [], "what they hold is on its way");
  const late = shortOfMemory(0.058, stopping, scalerLimits.stopGraceMs);
  assert.deepEqual(verbs(late), ["kill"]);
  assert.deepEqual(units(late), units(stopping));

  assert.ok(verbs(shortOfMemory(0.02)).includes("kill"), "no time for a commit");
  assert.deepEqual(verbs(shortOfMemory(0.12, closed)), [], "not short any more, and not over: admission stays closed");
  assert.deepEqual(verbs(shortOfMemory(0.2, closed)), ["admit again", "let group go"]);
});

function stalled(full: number): Decision {
  return decideNow(busy({ pressure: { cpu: stall(0), memory: stall(full, full), io: stall(0) } }));
}

test("tasks that stall for want of memory are a sign of their own, however much the kernel calls available", () => {
  assert.equal(stalled(5).isAdmitting, true);
  assert.equal(stalled(5.01).isAdmitting, false);
  assert.deepEqual(verbs(stalled(15.01)).at(-1), "stop at commit");
  assert.deepEqual(units(stalled(15.01)), ["u3@p1"], "one at a time: nobody knows how much is lacking");
  assert.deepEqual(verbs(stalled(40.01)).at(-1), "kill");
});

test("where those who were asked to stop hold too little, more are asked", () => {
  const memory = { totalBytes: 10 * gigabyte, availableBytes: 0.5 * gigabyte };
  const running = ["a", "b", "c", "d"].map((name, i) => runningUnit(name, "p1", { startedAtMs: i, peakBytes: 0.3e9 }));
  const asked = (...names: string[]): string[] =>
    units(
      decideNow(quietReading({ memory, running, groups: [group("p1", 1)] }), {
        ...initialState,
        isAdmitting: false,
        stops: names.map((unit) => ({ unit, askedAtMs: nowMs - 1000 })),
      }),
    );
  assert.deepEqual(asked(), ["d", "c"], "0.5 GB are lacking");
  assert.deepEqual(asked("d"), ["c"]);
  assert.deepEqual(asked("d", "c"), []);
});

test("a reading from the future decides nothing: a clock was set back", () => {
  const decision = decideNow(busy({ readAtMs: nowMs + 1 }));
  assert.deepEqual([decision.verdict, decision.actions], ["none", []]);
});

test("live work is never stopped, and neither is work of a paused group", () => {
  const memory = { totalBytes: 61 * gigabyte, availableBytes: 0 };
  const running = [
    runningUnit("live", "p1", { isLive: true, startedAtMs: 9 }),
    runningUnit("paused", "p2", { startedAtMs: 8 }),
    runningUnit("old", "p1", { startedAtMs: 1 }),
  ];
  const decision = decideNow(quietReading({ memory, running, groups: [group("p1", 4), group("p2", 2, "paused")] }));
  assert.deepEqual(
    decision.actions.flatMap((one) => ("unit" in one ? [one.unit] : [])),
    ["old"],
  );
});
