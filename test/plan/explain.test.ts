import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decide } from "../../lib/plan/scaler/decide.ts";
import { initialState } from "../../lib/plan/scaler/decision.ts";
import { decisionDocument, explainDecision } from "../../lib/plan/scaler/explain.ts";
import { scalerLimits } from "../../lib/plan/scaler/limits.ts";
import { anyReading, group, quietReading, tasks } from "./arbitraries.ts";

const nowMs = 1_000_000;

test("a step is explained with what was measured, the ledger, every group and every action", () => {
  const reading = quietReading({
    groups: [group("p1", 4), group("p2", 2, "paused"), group("p3", 3)],
    running: tasks(4, "p1", 0.5e9),
    queued: tasks(2, "p1", 0.5e9, "q"),
  });
  const calm = "memory some 0 % < 1 %, cpu some 0 % < 40 %, io full 0 % < 40 %";
  const handed = `${calm}; handed over by p3, which has nothing to do`;
  assert.deepEqual(explainDecision(decide(reading, initialState, scalerLimits, nowMs)), [
    `big: up: ${calm}`,
    "  measured: cpu some 0 % in 10 s, 0 % in 60 s, memory some 0 % in 10 s, 0 % in 60 s, io some 0 % in 10 s, 0 % in 60 s, 55.0 GB of 61.0 GB available, load 1 on 32 cores",
    "  memory: 3.0 GB of 55.0 GB reserved; admitting",
    `  p1: 4 → 6 (4 running, 2 queued): ${handed}`,
    "  p2: 2 stays (0 running, 0 queued): paused: somebody or a restart stopped it; resume it first",
    "  p3: 3 → 2 (0 running, 0 queued): nothing more is queued: handed over",
    `  → set p1 from 4 to 6: ${handed}`,
    "  → set p3 from 3 to 2: nothing more is queued: handed over",
  ]);
});

test("what is not known is said to be unknown, and is null in the document", () => {
  const reading = quietReading({
    memory: undefined,
    pressure: undefined,
    load: undefined,
    groups: [group("p1", undefined)],
  });
  const decision = decide(reading, initialState, scalerLimits, nowMs);
  assert.match(
    explainDecision(decision).join("\n"),
    /pressure unknown, memory unknown, load unknown[^]*p1: unknown stays/,
  );
  const document = decisionDocument(decision);
  assert.deepEqual(document["measured"], {
    read_at_ms: nowMs,
    lost: null,
    cores: 32,
    load: null,
    total_bytes: null,
    available_bytes: null,
    pressure: null,
    jobs_max: 32,
  });
  const reason = "its parallel cannot be read";
  assert.deepEqual(document["groups"], [{ group: "p1", running: 0, queued: 0, from: null, to: null, reason }]);
});

test("every decision can be explained, and its document holds as many actions as it has", () => {
  fc.assert(
    fc.property(anyReading, (reading) => {
      const decision = decide(reading, initialState, scalerLimits, nowMs);
      const lines = explainDecision(decision);
      assert.equal(lines.filter((line) => line.startsWith("  → ")).length, decision.actions.length);
      assert.ok(
        lines.every((line) => !line.includes("undefined") && !line.includes("NaN")),
        lines.join("\n"),
      );
      assert.doesNotThrow(() => JSON.stringify(decisionDocument(decision)));
    }),
  );
});
