import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { workGroups } from "../../lib/model/groups.ts";
import { blameOf, type JobEnd } from "../../lib/plan/blame.ts";
import { canaryGate, chooseCanaries, type JobState } from "../../lib/plan/canary.ts";
import { expiredClock, type ClockLimits } from "../../lib/plan/clocks.ts";
import { planVerdict } from "../../lib/plan/max-fails.ts";
import { nextStep, retryPolicy, type EndedAttempt, type NextStep } from "../../lib/plan/retry.ts";

const failed = (exitCode: number | undefined, code = "X"): JobEnd => ({ kind: "failed", exitCode, code });
const outOfMemory: JobEnd = { kind: "out of memory", peakBytes: 1e9 };

function after(ends: readonly JobEnd[], random = 0.5): NextStep {
  const attempts = ends.map((end, i): EndedAttempt => ({ end, endedAtMs: i * 1000, host: "big" }));
  return nextStep(attempts, random, retryPolicy);
}

test("each end has one to blame", () => {
  const blames = [
    [{ kind: "done" }, undefined],
    [failed(1, "CHECKSUM_MISMATCH"), "elsewhere"],
    [failed(2, "STORE_AWAY"), "elsewhere"],
    [failed(3, "BAD_THRESHOLD"), "settings"],
    [failed(4, "THRESHOLD_BELOW_FLOOR"), "settings"],
    [failed(4, "LEASE_HELD"), "elsewhere"],
    [failed(70, "BUG"), "unit"],
    [failed(130, "INTERRUPTED"), "nobody"],
    [failed(undefined, "SIGSEGV"), "unit"],
    [failed(42), "unit"],
    [outOfMemory, "memory"],
    [{ kind: "timeout" }, "unit"],
    [{ kind: "lost" }, "host"],
    [{ kind: "never began" }, "host"],
    [{ kind: "stopped" }, "nobody"],
    [{ kind: "cancelled" }, "operator"],
  ] as const satisfies readonly (readonly [JobEnd, string | undefined])[];
  for (const [end, blame] of blames) assert.equal(blameOf(end), blame, JSON.stringify(end));
});

test("only the unit's own failures use up its budget; then it is quarantined with advice", () => {
  const own = failed(70, "BUG");
  assert.equal(after([own, own]).step, "retry");
  const last = after([own, own, own]);
  assert.ok(last.step === "quarantine");
  assert.match(last.reason, /^BUG: failed 3 times by itself$/);
  assert.notEqual(last.advice, "");
  const others: JobEnd[] = [{ kind: "lost" }, failed(2, "STORE_AWAY"), outOfMemory, { kind: "stopped" }];
  assert.equal(after([own, ...others, ...others, own, ...others, { kind: "stopped" }]).step, "retry");
});

test("a lost host is not the unit's fault and is avoided; so many of them are suspicious", () => {
  const lost: JobEnd = { kind: "lost" };
  const once = after([lost]);
  assert.ok(once.step === "retry");
  assert.equal(once.avoidHost, "big");
  assert.equal(after([lost, lost, lost, lost]).step, "retry");
  assert.equal(after([lost, lost, lost, lost, lost]).step, "quarantine");
  const neverBegan: JobEnd = { kind: "never began" };
  assert.equal(after(Array.from({ length: 20 }, () => neverBegan)).step, "retry", "it did not run: no suspicion");
});

test("settings are not retried, a cancelled job is not, one that was stopped goes on at once", () => {
  assert.equal(after([failed(3)]).step, "quarantine");
  assert.equal(after([{ kind: "cancelled" }]).step, "cancelled");
  const stopped = after([{ kind: "stopped" }]);
  assert.ok(stopped.step === "retry");
  assert.equal(stopped.notBeforeMs, 0);
});

const anyEnd = fc.oneof(
  fc.constantFrom<JobEnd>(
    { kind: "timeout" },
    { kind: "lost" },
    { kind: "never began" },
    { kind: "stopped" },
    outOfMemory,
  ),
  fc.constantFrom(1, 2, 70, 130, undefined).map((exitCode) => failed(exitCode)),
);

test("a retry never comes before the last end, nor later than the longest wait; own failures are bounded", () => {
  fc.assert(
    fc.property(
      fc.array(anyEnd, { minLength: 1, maxLength: 30 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (ends, random) => {
        const step = after(ends, random);
        const last = (ends.length - 1) * 1000;
        if (step.step === "retry") {
          assert.ok(step.notBeforeMs >= last && step.notBeforeMs <= last + retryPolicy.backoffMaxMs);
          assert.notEqual(step.reason, "");
        }
        const own = ends.filter((end) => blameOf(end) === "unit").length;
        const isLastOwn = blameOf(ends.at(-1) ?? { kind: "done" }) === "unit";
        if (isLastOwn) assert.equal(step.step, own >= retryPolicy.unitFailuresMax ? "quarantine" : "retry");
      },
    ),
  );
});

test("each failure in a row waits twice as long as the one before, up to the longest wait", () => {
  const { backoffMs, backoffMaxMs } = retryPolicy;
  const away = failed(2, "STORE_AWAY");
  for (let count = 1; count <= 12; count += 1) {
    const ends = Array.from({ length: count }, () => away);
    const whole = Math.min(backoffMaxMs, backoffMs * 2 ** (count - 1));
    const lastMs = (count - 1) * 1000;
    const waits = [0, 1].map((random) => {
      const step = after(ends, random);
      return step.step === "retry" ? step.notBeforeMs - lastMs : undefined;
    });
    assert.deepEqual(waits, [whole / 2, whole], "spread over the upper half");
  }
  const fresh = after([away, away, away, { kind: "stopped" }, away], 1);
  assert.ok(fresh.step === "retry");
  assert.equal(fresh.notBeforeMs - 4000, backoffMs, "only those in a row count");
});

test("a plan with more quarantined jobs than it may have is aborted", () => {
  const states: JobState[] = ["done", "quarantined", "running", "quarantined"];
  assert.equal(planVerdict(states, undefined).verdict, "going on");
  assert.equal(planVerdict(states, 2).verdict, "going on");
  assert.deepEqual(planVerdict(states, 1), { verdict: "aborted", reason: "2 jobs are quarantined, at most 1 may be" });
  assert.equal(planVerdict(["quarantined"], 0).verdict, "aborted");
  assert.deepEqual(planVerdict(["done", "quarantined"], 1), { verdict: "finished", quarantined: 1 });
});

test("with a new bar version the shortest job of each group goes first, alone", () => {
  const jobs = workGroups.flatMap((group, g) =>
    [30, 10, 20].map((durationMs, i) => ({ job: `${group}-${i}`, group, durationMs: durationMs + g })),
  );
  assert.deepEqual(chooseCanaries(jobs, 3, new Set([1, 2, 3])), []);
  const canaries = chooseCanaries(jobs, 3, new Set([1, 2]));
  assert.deepEqual(canaries, ["p2-1", "p3-1", "p1-1", "px-1"]);
  const gate = (states: Readonly<Record<string, JobState>>): ReturnType<typeof canaryGate> =>
    canaryGate(canaries, (job) => states[job] ?? "done");
  assert.deepEqual(gate({}), { open: true });
  const pending = gate({ "p1-1": "running", "px-1": "waiting" });
  assert.ok(!pending.open);
  assert.deepEqual(pending.only, ["p1-1", "px-1"]);
  const broken = gate({ "p1-1": "quarantined", "px-1": "waiting" });
  assert.ok(!broken.open);
  assert.deepEqual(broken.only, []);
  assert.match(broken.reason, /p1-1 failed/);
  assert.deepEqual(
    canaryGate([], () => "waiting"),
    { open: true },
    "a known version needs none",
  );
});

const limits: ClockLimits = { queuedMs: 600_000, runtimeMs: 3_600_000, unitMs: 86_400_000, heartbeatMs: 120_000 };

function clockAt(nowMs: number, beganAtMs?: number, heartbeatAtMs?: number): string | undefined {
  return expiredClock({ firstAdmittedAtMs: 0, admittedAtMs: 0, beganAtMs, heartbeatAtMs }, nowMs, limits)?.clock;
}

test("four clocks, the most serious first", () => {
  assert.equal(clockAt(600_000), undefined);
  assert.equal(clockAt(600_001), "queued");
  assert.equal(clockAt(120_000, 0), undefined);
  assert.equal(clockAt(120_001, 0), "heartbeat");
  assert.equal(clockAt(120_001, 0, 1000), undefined, "it has shown a sign of life since");
  assert.equal(clockAt(3_600_001, 0, 3_600_000), "runtime");
  assert.equal(clockAt(86_400_001, 86_400_000, 86_400_000), "unit");
  assert.equal(clockAt(86_400_001), "unit");
});

test("a clock that has run out stays so until the job's times change", () => {
  const instant = fc.integer({ min: 0, max: 200_000_000 });
  const times = fc.record({
    admitted: instant,
    wait: fc.option(instant, { nil: undefined }),
    beat: fc.option(instant, { nil: undefined }),
  });
  fc.assert(
    fc.property(times, instant, instant, ({ admitted, wait, beat }, elapsed, more) => {
      const beganAtMs = wait === undefined ? undefined : admitted + wait;
      const heartbeatAtMs = beganAtMs === undefined || beat === undefined ? undefined : beganAtMs + beat;
      const job = { firstAdmittedAtMs: admitted, admittedAtMs: admitted, beganAtMs, heartbeatAtMs };
      const now = expiredClock(job, admitted + elapsed, limits);
      const later = expiredClock(job, admitted + elapsed + more, limits);
      if (now === undefined) return;
      assert.ok(later !== undefined && now.elapsedMs > now.limitMs);
      const severity = ["queued", "heartbeat", "runtime", "unit"];
      assert.ok(severity.indexOf(later.clock) >= severity.indexOf(now.clock));
    }),
  );
});
