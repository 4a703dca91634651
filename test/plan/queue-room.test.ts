import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { grantedBytes, memoryRequest, outgrownAdvice, type OwnAttempt } from "../../lib/plan/memory.ts";
import { learn } from "../../lib/plan/lessons.ts";
import { roomInQueue, type QueueCandidate, type QueueGroupLoad } from "../../lib/plan/queue-room.ts";

const gigabyte = 1e9;

function load(name: string, parallel: number, requests: readonly number[] = [], running = 0): QueueGroupLoad {
  return { name, parallel, requestsBytes: requests.map((one) => one * gigabyte), runningBytes: running * gigabyte };
}

function candidate(job: string, group: string, gigabytes: number): QueueCandidate {
  return { job, group, requestBytes: gigabytes * gigabyte };
}

test("what fits beside each other is queued; limits that would start more than the budget are lowered, the largest group's first", () => {
  const jobs = [...["a", "b", "c"].map((job) => candidate(job, "p2", 3)), candidate("d", "p1", 1)];
  const room = roomInQueue(jobs, [load("p1", 4), load("p2", 2)], 6 * gigabyte);
  assert.deepEqual([...room.admitted], ["a", "b", "c", "d"]);
  assert.deepEqual([...room.lowered], [["p2", 1]]);
  const wide = roomInQueue(jobs, [load("p1", 4), load("p2", 2)], 7 * gigabyte);
  assert.deepEqual([...wide.lowered], []);
});

test("a job that has no room beside another group's largest, or beside what runs, is held back", () => {
  const loads = [load("p1", 2, [4]), load("p2", 2, [2, 2, 2], 4)];
  const room = roomInQueue([candidate("large", "p1", 5), candidate("small", "p1", 3)], loads, 8 * gigabyte);
  assert.deepEqual([...room.admitted], ["small"]);
  assert.match(room.held.get("large") ?? "", /asks for 5\.0 GB and may run beside 4\.0 GB of 8\.0 GB/);
  assert.deepEqual([...room.lowered], [["p1", 1]]);
});

test("a limit that a person took away is left, and counts for all that is queued", () => {
  const unlimited = {
    name: "p1",
    parallel: "unlimited",
    requestsBytes: [gigabyte, gigabyte],
    runningBytes: 0,
  } as const;
  const room = roomInQueue([candidate("one", "p1", 1), candidate("two", "p1", 1)], [unlimited], 3 * gigabyte);
  assert.deepEqual([[...room.admitted], [...room.held.keys()], [...room.lowered]], [["one"], ["two"], []]);
});

test("whatever the queue starts of what it was given, in whatever order, the requests stay within the budget", () => {
  const group = fc.constantFrom("p1", "p2", "p3");
  const jobs = fc.array(fc.tuple(group, fc.integer({ min: 1, max: 40 })), { maxLength: 25 });
  const limits = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(
      jobs,
      limits,
      fc.integer({ min: 20, max: 120 }),
      fc.infiniteStream(fc.nat()),
      (list, parallel, budget, draws) => {
        const loads = ["p1", "p2", "p3"].map((name, i) => load(name, parallel[i] ?? 1));
        const candidates = list.map(([name, size], i) => candidate(String(i), name, size));
        const { admitted, held, lowered } = roomInQueue(candidates, loads, budget * gigabyte);
        assert.equal(admitted.size + held.size, candidates.length);
        const places = new Map(loads.map(({ name }, i) => [name, lowered.get(name) ?? parallel[i] ?? 1]));
        for (const limit of lowered.values()) assert.ok(limit >= 1);
        // A queue that starts and ends tasks as it likes.
        const waiting = candidates.filter(({ job }) => admitted.has(job));
        const running: QueueCandidate[] = [];
        for (const draw of draws) {
          if (waiting.length === 0 && running.length === 0) break;
          const free = waiting.filter(
            ({ group }) => running.filter((one) => one.group === group).length < (places.get(group) ?? 0),
          );
          const next = draw % 3 === 0 ? undefined : free[draw % Math.max(1, free.length)];
          if (next === undefined) running.splice(draw % Math.max(1, running.length), 1);
          else running.push(...waiting.splice(waiting.indexOf(next), 1));
          assert.ok(running.reduce((sum, { requestBytes }) => sum + requestBytes, 0) <= budget * gigabyte);
        }
      },
    ),
  );
});

test("S-18: out of memory, the next request comes from the measured peak, up to all that the host has; then a person", () => {
  const attempts: OwnAttempt[] = [];
  const host = 4 * gigabyte;
  const job = { group: "p2", thresholds: 1, archiveBytes: 0, attempts } as const;
  for (let tries = 0; tries < 20; tries += 1) {
    const granted = grantedBytes(memoryRequest(job, learn([])), host);
    const last = attempts.at(-1);
    if (last !== undefined && outgrownAdvice(last, host) !== undefined) {
      assert.equal(last.limitBytes, host, "not before it had all there is");
      assert.match(outgrownAdvice(last, host) ?? "", /4\.0 GB at most.*raise memory_mb/);
      assert.equal(granted, undefined, "and nothing is granted to it there");
      return;
    }
    assert.ok(granted !== undefined && granted > (last?.limitBytes ?? 0) && granted <= host);
    // The watchdog kills somewhat past the limit.
    attempts.push({ limitBytes: granted, peakBytes: Math.min(granted * 1.1, host), wasOutOfMemory: true });
  }
  assert.fail("it never ended");
});
