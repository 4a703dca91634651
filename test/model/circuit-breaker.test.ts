import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CircuitBreaker, type BreakerLimits } from "../../lib/model/circuit-breaker.ts";

const limits: BreakerLimits = { firstPauseMs: 1_000, longestPauseMs: 8_000, silenceMs: 60_000 };

/** A breaker with a clock of its own; `random` 1 makes the longest pauses. */
function rig(random = 1): { breaker: CircuitBreaker; clock: { ms: number } } {
  const clock = { ms: 5_000_000 };
  return {
    clock,
    breaker: new CircuitBreaker(
      limits,
      () => clock.ms,
      () => random,
    ),
  };
}

test("opens with the first failure, pauses twice as long each time, and closes with progress", () => {
  const { breaker, clock } = rig();
  assert.equal(breaker.state, "closed");
  const pauses: (number | undefined)[] = [];
  for (let i = 0; i < 5; i += 1) {
    const pauseMs = breaker.failed();
    assert.equal(breaker.state, "open");
    pauses.push(pauseMs);
    clock.ms += pauseMs ?? 0;
    breaker.retry();
    assert.equal(breaker.state, "half-open");
  }
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 8_000]);
  assert.equal(breaker.answered(), true);
  assert.equal(breaker.answered(), false);
  assert.equal(breaker.state, "half-open");
  breaker.progressed();
  assert.equal(breaker.state, "closed");
  assert.equal(breaker.failed(), 1_000);
});

test("an answer where nothing had failed changes nothing", () => {
  const { breaker } = rig();
  assert.equal(breaker.answered(), false);
  breaker.retry();
  assert.equal(breaker.state, "closed");
});

test("time in which it answers is no silence", () => {
  const { breaker, clock } = rig();
  clock.ms += breaker.failed() ?? 0;
  breaker.retry();
  assert.equal(breaker.answered(), true);
  clock.ms += 10 * limits.silenceMs;
  assert.notEqual(breaker.failed(), undefined);
});

test("what answers and fails again without any progress is given up like what never answers", () => {
  const { breaker, clock } = rig();
  const began = clock.ms;
  for (let pauseMs = breaker.failed(); pauseMs !== undefined; pauseMs = breaker.failed()) {
    clock.ms += pauseMs;
    breaker.retry();
    breaker.answered();
  }
  assert.equal(clock.ms - began, limits.silenceMs);
});

test("whatever the dice and however long tries take: pauses keep within their bounds, and the last try is at the very end", () => {
  const turn = fc.record({
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    tryMs: fc.nat(20_000),
  });
  fc.assert(
    fc.property(fc.array(turn, { minLength: 200, maxLength: 200 }), (turns) => {
      let [nowMs, dice, longest] = [0, 0, limits.firstPauseMs];
      const breaker = new CircuitBreaker(
        limits,
        () => nowMs,
        () => dice,
      );
      for (const { random, tryMs } of turns) {
        dice = random;
        const pauseMs = breaker.failed();
        if (pauseMs === undefined) {
          assert.ok(nowMs >= limits.silenceMs);
          return;
        }
        const leftMs = limits.silenceMs - nowMs;
        assert.ok(pauseMs > 0 && pauseMs <= Math.min(longest, leftMs));
        assert.ok(pauseMs >= Math.min(longest / 2, leftMs));
        longest = Math.min(2 * longest, limits.longestPauseMs);
        nowMs += pauseMs;
        breaker.retry();
        nowMs += tryMs;
      }
      assert.fail("never gave up");
    }),
  );
});
