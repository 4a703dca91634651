import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { workGroups } from "../../lib/model/groups.ts";
import { expectedDurationMs } from "../../lib/plan/duration.ts";
import { learn, tradesOf, type MeasuredAttempt } from "../../lib/plan/lessons.ts";
import { memoryPolicy, memoryRequest, type JobSize, type OwnAttempt } from "../../lib/plan/memory.ts";
import { quantile } from "../../lib/plan/quantile.ts";

const megabyte = 1e6;
const nothing = learn([]);

function job(changes: Partial<JobSize> = {}): JobSize {
  return { group: "p1", thresholds: 1, archiveBytes: 800 * megabyte, attempts: [], ...changes };
}

/** So many attempts of about as many trades as an archive of this size has. */
function measured(
  count: number,
  archiveBytes: number,
  peakBytes: number,
  group: JobSize["group"] = "p1",
): MeasuredAttempt[] {
  return Array.from({ length: count }, () => ({
    group,
    trades: tradesOf(archiveBytes),
    peakBytes,
    durationMs: 61_000,
  }));
}

test("a quantile by nearest rank", () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([3, 1, 2], 0.9), 3);
  assert.equal(quantile([5], 0.1), 5);
  assert.throws(() => quantile([], 0.5), RangeError);
});

test("without history a guess from the archive's size and the number of thresholds", () => {
  const one = memoryRequest(job({ archiveBytes: 0 }), nothing);
  assert.equal(one.basis, "guessed");
  assert.equal(one.requestBytes, 464 * 1024 ** 2, "450 MiB, in steps of 16");
  assert.ok(memoryRequest(job({ thresholds: 4 }), nothing).requestBytes > memoryRequest(job(), nothing).requestBytes);
  assert.equal(
    memoryRequest(job(), learn(measured(4, 800 * megabyte, 900 * megabyte))).basis,
    "guessed",
    "four teach nothing",
  );
});

test("from five attempts of its size and group on it asks for what they reached", () => {
  const lessons = learn(measured(5, 800 * megabyte, 380 * megabyte));
  const request = memoryRequest(job(), lessons);
  assert.equal(request.basis, "learned");
  assert.ok(request.requestBytes >= 380 * megabyte * memoryPolicy.margin && request.requestBytes < 460 * megabyte);
  assert.equal(memoryRequest(job({ group: "p2" }), lessons).basis, "guessed", "another group");
  assert.equal(
    memoryRequest(job({ archiveBytes: 50 * megabyte }), lessons).requestBytes,
    request.requestBytes,
    "smaller jobs need no more",
  );
  const far = memoryRequest(job({ archiveBytes: 100_000 * megabyte }), lessons);
  assert.equal(far.basis, "guessed", "nothing is known of ones so much larger");
});

test("where smaller jobs needed more than larger ones, the larger ones ask for as much", () => {
  const history = [...measured(5, 16e6, 900 * megabyte), ...measured(5, 16e8, 400 * megabyte)];
  const small = memoryRequest(job({ archiveBytes: 16e6 }), learn(history));
  assert.equal(memoryRequest(job({ archiveBytes: 16e8 }), learn(history)).requestBytes, small.requestBytes);
  assert.equal(memoryRequest(job({ archiveBytes: 16e9 }), learn(history)).requestBytes, small.requestBytes);
});

test("out of memory: the next request comes from the measured peak, and grows until it fits", () => {
  const own: OwnAttempt[] = [];
  const need = 3000 * megabyte;
  let request = memoryRequest(job(), nothing);
  let attempts = 1;
  for (; request.requestBytes < need; attempts += 1) {
    // The kernel may have killed it before its peak was seen at the limit.
    own.push({ limitBytes: request.requestBytes, peakBytes: request.requestBytes * 0.9, wasOutOfMemory: true });
    const next = memoryRequest(job({ attempts: [...own] }), nothing);
    assert.equal(next.basis, "escalated");
    assert.ok(next.requestBytes >= request.requestBytes * memoryPolicy.escalation);
    request = next;
  }
  assert.ok(attempts <= 6, `${attempts} attempts`);
});

const bytes = fc.integer({ min: 0, max: 20e9 });
/** Few sizes, so that there is something to learn of several. */
const anyAttempt: fc.Arbitrary<MeasuredAttempt> = fc.record({
  group: fc.constantFrom("p1", "p2"),
  trades: fc.constantFrom(0, 1e6, 4e6, 5e6, 3e7, 2e8),
  peakBytes: fc.integer({ min: 1, max: 20e9 }),
  durationMs: fc.integer({ min: 0, max: 3_600_000 }),
});
const anyHistory = fc.array(anyAttempt, { maxLength: 80 });
const ownAttempt = fc.record({ limitBytes: bytes, peakBytes: bytes, wasOutOfMemory: fc.boolean() });
const anyJob: fc.Arbitrary<JobSize> = fc.record({
  group: fc.constantFrom(...workGroups),
  thresholds: fc.integer({ min: 1, max: 5 }),
  archiveBytes: fc.oneof(
    bytes,
    fc.double({ min: 20, max: 34, noNaN: true }).map((size) => Math.round(2 ** size)),
  ),
  attempts: fc.array(ownAttempt, { maxLength: 3 }),
});

test("more trades never lead to a smaller request or a shorter guess", () => {
  fc.assert(
    fc.property(anyJob, fc.double({ min: 1, max: 200, noNaN: true }), anyHistory, (small, times, history) => {
      const lessons = learn(history);
      const large = { ...small, archiveBytes: Math.ceil(small.archiveBytes * times) };
      assert.ok(memoryRequest(large, lessons).requestBytes >= memoryRequest(small, lessons).requestBytes);
      assert.ok(expectedDurationMs(large, lessons) >= expectedDurationMs(small, lessons));
    }),
    { numRuns: 500 },
  );
});

test("higher peaks, measured of others or of its own, never lead to a smaller request", () => {
  fc.assert(
    fc.property(anyJob, anyHistory, fc.nat(59), bytes, (one, history, which, more) => {
      const higher = history.map((attempt, i) =>
        i === which ? { ...attempt, peakBytes: attempt.peakBytes + more } : attempt,
      );
      assert.ok(memoryRequest(one, learn(higher)).requestBytes >= memoryRequest(one, learn(history)).requestBytes);
      const [first, ...rest] = one.attempts;
      const own = first === undefined ? [] : [{ ...first, peakBytes: first.peakBytes + more }, ...rest];
      const lessons = learn(history);
      assert.ok(
        memoryRequest({ ...one, attempts: own }, lessons).requestBytes >= memoryRequest(one, lessons).requestBytes,
      );
    }),
    { numRuns: 500 },
  );
});

test("a request is never below what the job itself was measured at, with the margin, and more where it ran out", () => {
  fc.assert(
    fc.property(anyJob, anyHistory, (one, history) => {
      const { requestBytes, reason } = memoryRequest(one, learn(history));
      for (const { peakBytes, wasOutOfMemory } of one.attempts) {
        assert.ok(requestBytes >= peakBytes * (wasOutOfMemory ? memoryPolicy.escalation : memoryPolicy.margin));
      }
      assert.notEqual(reason, "");
    }),
  );
});

test("a duration is learned from the rate of the group's own attempts", () => {
  const archiveBytes = 16 * 6e6;
  assert.equal(expectedDurationMs(job({ archiveBytes }), nothing), 1000 + 1200);
  assert.equal(expectedDurationMs(job({ archiveBytes }), learn(measured(5, archiveBytes, 1))), 61_000);
  assert.equal(
    expectedDurationMs(job({ archiveBytes: archiveBytes * 2 }), learn(measured(5, archiveBytes, 1))),
    121_000,
  );
});
