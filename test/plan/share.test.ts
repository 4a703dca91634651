import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isWorkGroup } from "../../lib/model/groups.ts";
import { initialState, type Action, type Decision } from "../../lib/plan/scaler/decision.ts";
import { groupLoads, openGroups, placesOf } from "../../lib/plan/scaler/group-load.ts";
import { scalerLimits } from "../../lib/plan/scaler/limits.ts";
import type { HostReading } from "../../lib/plan/scaler/reading.ts";
import { anyReading, group, quietReading, tasks } from "./arbitraries.ts";
import { carriedOut, decideNow, total } from "./decisions.ts";

function words({ actions }: Decision): string[] {
  return actions.map(word).sort();
}

function word(one: Action): string {
  if (one.action === "set parallel") return `${one.group} ${one.from}→${one.to}`;
  if (one.action === "hold group") return `hold ${one.group}`;
  return one.action === "let group go" ? `let ${one.group} go with ${one.parallel}` : one.action;
}

const four = [group("p1", 4), group("p2", 2), group("p3", 3), group("px", 2)];
const two = [group("p1", 1, "held"), group("p2", 1), group("p3", 1), group("px", 1, "held")];

test("fewer places than groups: one each for the most demanding with work, the others are held", () => {
  const queued = [...tasks(3, "p1", 0.5e9, "q"), ...tasks(3, "px", 0.5e9, "q")];
  const some = decideNow(quietReading({ jobsMax: 2, groups: four, queued }));
  assert.deepEqual(words(some), ["hold p2", "hold p3", "p1 4→1", "px 2→1"]);
  const idle = decideNow(quietReading({ jobsMax: 1, groups: four }));
  assert.deepEqual(words(idle), ["hold p1", "hold p3", "hold px", "p2 2→1"]);
  assert.equal(idle.verdict, "share");
});

test("a group that is held and gets work has the place of one that has none", () => {
  const queued = tasks(2, "p1", 0.5e9, "q");
  const running = tasks(1, "p2", 0.5e9);
  const decision = decideNow(quietReading({ jobsMax: 2, groups: two, running, queued }));
  assert.deepEqual(words(decision), ["hold p3", "let p1 go with 1"]);
});

test("a group that is held waits for a place that is in use, and the larger group gives it", () => {
  const groups = [group("p1", 1, "held"), group("p2", 2), group("p3", 1, "held"), group("px", 1, "held")];
  const reading = quietReading({
    jobsMax: 2,
    groups,
    running: tasks(2, "p2", 0.5e9),
    queued: [...tasks(9, "p2", 0.5e9, "q"), ...tasks(2, "p1", 0.5e9, "q")],
  });
  const first = decideNow(reading);
  assert.deepEqual(words(first), ["p2 2→1"], "two run: there is no place yet");
  const later = carriedOut({ ...reading, running: tasks(1, "p2", 0.5e9) }, first.actions);
  assert.deepEqual(words(decideNow(later, first.state)), ["let p1 go with 1"]);
});

test("a group whose tasks wait for another group's to end well gives that one its place, and gets it back", () => {
  // The first job of each group tries out a core that is new to the host; those of p1 and p2 have ended.
  const groups = [group("p1", 1), group("p2", 1), group("p3", 1, "held")];
  const awaiting = [...tasks(3, "p1", 0.5e9, "a"), ...tasks(3, "p2", 0.5e9, "a"), ...tasks(3, "p3", 0.5e9, "a")];
  const reading = quietReading({ jobsMax: 2, groups, awaiting, queued: tasks(1, "p3", 0.5e9, "first") });
  const first = decideNow(reading);
  assert.deepEqual(words(first), ["hold p1", "let p3 go with 1"]);
  assert.equal(first.groups.find((one) => one.group === "p1")?.queued, 3);
  const later = { ...carriedOut(reading, first.actions), queued: awaiting.slice(0, 3), awaiting: [] };
  assert.deepEqual(words(decideNow(later, first.state)), ["hold p2", "let p1 go with 1"]);
});

test("memory is kept for what may start as soon as others have ended", () => {
  const groups = [group("p1", 4), group("p2", 4)];
  const reading = quietReading({ groups, awaiting: tasks(4, "p1", 9e9, "a"), queued: tasks(4, "p2", 9e9, "q") });
  const { groups: after } = decideNow(reading);
  assert.equal(total(after.map(({ to }) => to ?? 0)), 6, "55 GB hold six of them");
});

test("the last place of a group without work is handed over where places are short, and comes back with work", () => {
  const queued = tasks(5, "p2", 0.5e9, "q");
  const reading = quietReading({ jobsMax: 2, groups: two, running: tasks(1, "p2", 0.5e9), queued });
  const up = decideNow(reading);
  assert.deepEqual(words(up), ["hold p3", "p2 1→2"]);
  const plenty = quietReading({
    jobsMax: 4,
    groups: four.map(({ name }) => group(name, 1)),
    queued,
    running: tasks(1, "p2", 0.5e9),
  });
  assert.deepEqual(words(decideNow(plenty)), ["hold p1", "hold p3", "hold px", "p2 1→4"]);
  assert.deepEqual(words(decideNow({ ...plenty, jobsMax: 9 })), ["p2 1→2"], "there are places enough: nobody is held");
});

test("nothing is let go while memory is short, nor without memory for it", () => {
  const queued = tasks(1, "p1", 9e9, "q");
  const groups = [group("p1", 1, "held"), group("p2", 1)];
  const free = quietReading({ jobsMax: 2, groups, queued });
  assert.deepEqual(words(decideNow(free)), ["let p1 go with 1"]);
  assert.deepEqual(words(decideNow({ ...free, budget: { memoryBytes: 8e9, reserveBytes: 0 } })), []);
  const short = { ...free, memory: { totalBytes: 61e9, availableBytes: 5e9 } };
  assert.deepEqual(words(decideNow(short)), ["hold p2", "stop admitting"]);
  const between = { ...free, memory: { totalBytes: 61e9, availableBytes: 7e9 } };
  assert.deepEqual(words(decideNow(between, { ...initialState, isAdmitting: false })), []);
});

/** What all groups together may run, once nothing more runs than may. */
function allowed(reading: HostReading): number {
  const loads = groupLoads(reading, scalerLimits);
  const open = new Set(openGroups(loads).map(({ name }) => name));
  return total(loads.map((load) => (open.has(load.name) ? Number(load.parallel) : placesOf(load))));
}

test("whatever a host is like, its groups may together run no more than jobs_max, or one of ours alone", () => {
  fc.assert(
    fc.property(anyReading, (reading) => {
      const decision = decideNow(reading);
      if (decision.verdict === "none" || decision.verdict === "relief") return;
      const after = carriedOut(reading, decision.actions);
      const open = openGroups(groupLoads(after, scalerLimits));
      const isLeast =
        open.every(({ parallel }) => parallel === 1) && open.filter(({ name }) => isWorkGroup(name)).length <= 1;
      assert.ok(isLeast || allowed(after) <= reading.jobsMax, `${allowed(after)} of ${reading.jobsMax}`);
    }),
    { numRuns: 500 },
  );
});
