import assert from "node:assert/strict";
import { test } from "node:test";
import { endedByStop } from "../../lib/fleet/stop-note.ts";
import type { RunResult } from "../../lib/queue/job-files.ts";

const note = { version: 1, how: "kill", reason: "memory is short", at: "2024-01-01T00:00:00.000Z" } as const;

function ended(end: Pick<RunResult, "outcome" | "exitCode" | "signal">): boolean {
  const result: RunResult = {
    version: 1,
    label: "AAAUSDT@250:2024#1~0f",
    unit: "a test",
    host: "here",
    guard: "none",
    memoryPeakBytes: 0,
    residentPeakBytes: 0,
    outOfMemoryKills: 0,
    cpuMs: 0,
    readBytes: 0,
    writtenBytes: 0,
    startedAt: note.at,
    endedAt: note.at,
    durationMs: 0,
    ...end,
  };
  return endedByStop({ kind: "finished", result }, note);
}

test("only what a stop and a kill send ends a job to make room; any other signal is a crash", () => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    assert.ok(ended({ outcome: "signalled", signal }), signal);
    assert.ok(ended({ outcome: "not-started", signal }), signal);
  }
  for (const signal of ["SIGSEGV", "SIGABRT", "SIGBUS"]) assert.equal(ended({ outcome: "signalled", signal }), false);
  assert.equal(ended({ outcome: "not-started" }), false, "there is no such program");
  assert.ok(ended({ outcome: "exited", exitCode: 130 }));
  assert.equal(ended({ outcome: "exited", exitCode: 1 }), false);
  assert.equal(ended({ outcome: "out-of-memory", signal: "SIGKILL" }), false);
});
