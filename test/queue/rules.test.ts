import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { readEvidence, type JobEvidence } from "../../lib/queue/evidence.ts";
import { explainState } from "../../lib/queue/explain.ts";
import { checkParallel } from "../../lib/queue/groups.ts";
import { jobFolderName, type RunRecord, type RunResult } from "../../lib/queue/job-files.ts";
import { formatLabel, liveKey, parseLabel } from "../../lib/queue/label.ts";
import { chooseGuard, detectGuard } from "../../lib/queue/memory-guard.ts";
import { scopeCommand, scopeUnit } from "../../lib/queue/memory-scope.ts";
import type { QueueGroup, QueueTask, TaskState } from "../../lib/queue/queue.ts";
import { readCgroup } from "../../lib/queue/supervise/cgroup.ts";
import { reconcile } from "../../lib/queue/reconcile.ts";
import { readSettingsSnapshot, settingsSnapshot } from "../../lib/queue/settings-snapshot.ts";
import { ConfigurationError } from "../../lib/model/errors.ts";
import { parseSegmentId } from "../../lib/model/segments.ts";
import { parseThreshold } from "../../lib/model/series.ts";
import { temporaryFolder } from "../ops/run.ts";
import { LocalRunner } from "../rig/local-runner.ts";

test("no group runs 0, which pueue would read as unlimited, nor half a job", () => {
  for (const parallel of [0, -1, 1.5, Number.NaN]) {
    assert.throws(
      () => checkParallel(parallel, "p1"),
      (error: unknown) => error instanceof ConfigurationError && error.code === "BAD_PARALLEL",
    );
  }
  checkParallel(1, "p1");
});

const job = {
  venue: "binance",
  market: "spot",
  symbol: "BTCUSDT",
  thresholds: [parseThreshold(1000), parseThreshold(250)],
  segment: parseSegmentId("2024"),
  attempt: 3,
  settingsHash: "0f9c2b7a41de",
} as const;

test("a label says what is made, by which attempt and settings, and is read back", () => {
  assert.equal(formatLabel(job), "BTCUSDT@250+1000:2024#3~0f9c2b7a41de");
  const futures = { ...job, market: "futures-um", segment: parseSegmentId("w2024-08-04") } as const;
  assert.equal(formatLabel(futures), "range:binance/futures-um/BTCUSDT@250+1000:w2024-08-04#3~0f9c2b7a41de");
  for (const one of [job, futures]) {
    assert.deepEqual(parseLabel(formatLabel(one)), { ...one, thresholds: [250, 1000] });
  }
  for (const text of [
    "",
    "BTCUSDT@250:2024",
    "BTCUSDT@250:24#1~ab",
    "SHIB-postfix@250",
    "range:binance/x/B@1:2024#1~a",
  ]) {
    assert.equal(parseLabel(text), undefined, text);
  }
});

test("the attempts of a job are one job to the queue; a label of someone else stands for itself", () => {
  assert.equal(liveKey(formatLabel(job)), liveKey(formatLabel({ ...job, attempt: 4, settingsHash: "aa" })));
  assert.notEqual(liveKey(formatLabel(job)), liveKey(formatLabel({ ...job, thresholds: [parseThreshold(250)] })));
  assert.equal(liveKey("someone's #1~ab"), "someone's #1~ab");
});

test("every label has a folder name of its own that needs no quoting", () => {
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 99 }), (label) => {
      const name = jobFolderName(label);
      assert.match(name, /^[A-Za-z0-9@+._-]{13,93}$/);
      assert.equal(seen.get(name) ?? label, label);
      seen.set(name, label);
    }),
  );
  assert.match(jobFolderName(formatLabel(job)), /^BTCUSDT@250\+1000_2024_3_0f9c2b7a41de-[0-9a-f]{12}$/);
});

test("a scope's name is that of the symbol, segment and thresholds, whatever the attempt", () => {
  assert.equal(scopeUnit(job), "barkeep.range.binance.spot.BTCUSDT.2024.250-1000");
  const argv = scopeCommand(scopeUnit(job), 1000, ["node", "a b"]);
  const before = "systemd-run --user --scope --slice=barkeep.slice";
  const name = "--unit=barkeep.range.binance.spot.BTCUSDT.2024.250-1000.scope --collect";
  const limits = "-p MemoryHigh=990 -p MemoryMax=1000 -p MemorySwapMax=0 -p OOMPolicy=continue";
  assert.deepEqual(argv, [...`${before} ${name} ${limits} -- node`.split(" "), "a b"]);
});

test("a host gets scopes only where all that they need is there, and each reason is said", () => {
  const able = {
    isDeclined: false,
    hasSystemdRun: true,
    cgroupType: "cgroup2fs",
    controllers: "cpu memory pids",
    trialError: undefined,
  };
  assert.equal(chooseGuard(able).kind, "scope");
  const cases: [Partial<Parameters<typeof chooseGuard>[0]>, RegExp][] = [
    [{ isDeclined: true }, /RANGEBAR_NO_CGROUP/],
    [{ hasSystemdRun: false }, /not installed/],
    [{ cgroupType: "tmpfs" }, /version 2.*tmpfs/],
    [{ controllers: "" }, /no systemd user manager/],
    [{ controllers: "cpu pids" }, /only cpu pids/],
    [{ trialError: "Failed to connect to bus" }, /on trial.*connect to bus/],
  ];
  for (const [change, reason] of cases) {
    const guard = chooseGuard({ ...able, ...change });
    assert.equal(guard.kind, "watchdog");
    assert.match(guard.reason, reason);
  }
});

test("what a host offers is found out by trying it", async () => {
  const bin = join(temporaryFolder("guard"), "bin");
  mkdirSync(bin);
  const put = (name: string, line: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  const { PATH: path = "" } = process.env;
  const runner = new LocalRunner({ HOME: bin, PATH: `${bin}:${path}` });
  put("stat", "echo cgroup2fs");
  put("cat", "echo cpu memory pids");
  put("systemd-run", 'for last; do :; done; exec "$last"');
  assert.equal((await detectGuard(runner, false)).kind, "scope");
  assert.match((await detectGuard(runner, true)).reason, /RANGEBAR_NO_CGROUP/);
  put("systemd-run", "echo 'Failed to connect to bus:'; echo 'No medium found' >&2; exit 1");
  const refused = await detectGuard(runner, false);
  assert.equal(refused.kind, "watchdog");
  assert.match(refused.reason, /Failed to connect to bus: No medium found/);
  put("stat", "echo tmpfs");
  assert.match((await detectGuard(runner, false)).reason, /tmpfs/);
});

test("a scope's own counts are read, and what its kernel does not count is not made up", () => {
  const folder = temporaryFolder("cgroup");
  const nothing = readCgroup(folder);
  assert.deepEqual(nothing, {
    memoryPeakBytes: undefined,
    memoryMaxBytes: undefined,
    outOfMemoryKills: 0,
    cpuMs: undefined,
    readBytes: undefined,
    writtenBytes: undefined,
  });
  const files = {
    "memory.peak": "104857600\n",
    "memory.max": "104857600\n",
    "memory.events": "low 0\nhigh 3\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n",
    "cpu.stat": "usage_usec 1234567\nuser_usec 1000000\nsystem_usec 234567\n",
    "io.stat": "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2\n8:16 rbytes=1 wbytes=2 rios=1 wios=1\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  assert.deepEqual(readCgroup(folder), {
    memoryPeakBytes: 104_857_600,
    memoryMaxBytes: 104_857_600,
    outOfMemoryKills: 1,
    cpuMs: 1235,
    readBytes: 4097,
    writtenBytes: 8194,
  });
  writeFileSync(join(folder, "memory.max"), "max\n");
  assert.equal(readCgroup(folder).memoryMaxBytes, undefined);
});

const record: RunRecord = {
  version: 1,
  label: "L",
  unit: "U",
  host: "h",
  pid: 10,
  processStart: "boot/1",
  startedAt: "2026-01-01T10:00:00.050Z",
};
const result: RunResult = {
  version: 1,
  label: "L",
  unit: "U",
  host: "h",
  outcome: "exited",
  exitCode: 0,
  guard: "none",
  memoryPeakBytes: 1,
  residentPeakBytes: 1,
  outOfMemoryKills: 0,
  cpuMs: 1,
  readBytes: 0,
  writtenBytes: 0,
  startedAt: "2026-01-01T10:00:00.050Z",
  endedAt: "2026-01-01T10:05:00.000Z",
  durationMs: 299_950,
};
const nothing: Pick<JobEvidence, "record" | "result" | "isAlive"> = {
  record: undefined,
  result: undefined,
  isAlive: false,
};
const startedAt = "2026-01-01T10:00:00.000000001Z";
const killed: TaskState = { kind: "done", outcome: { kind: "killed" }, startedAt, endedAt: "2026-01-01T10:01:00Z" };

test("killed is not dead: what the host shows counts more than what the queue says", () => {
  const running: TaskState = { kind: "running", startedAt };
  const table: [string, TaskState | undefined, typeof nothing, string][] = [
    ["waits", { kind: "queued" }, nothing, "waiting"],
    ["waits beside an earlier result", { kind: "queued" }, { record, result, isAlive: false }, "waiting"],
    ["runs", running, { record, result: undefined, isAlive: true }, "running"],
    ["about to begin", running, nothing, "running"],
    ["about to begin again", running, { record, result, isAlive: false }, "running"],
    ["killed by the daemon's restart, runs on", killed, { record, result: undefined, isAlive: true }, "running"],
    ["killed by the daemon's restart, ended later", killed, { record, result, isAlive: false }, "finished"],
    ["killed with its supervisor", killed, { record, result: undefined, isAlive: false }, "lost"],
    ["killed before its supervisor began", killed, nothing, "not-started"],
    ["forgotten by the queue, runs on", undefined, { record, result: undefined, isAlive: true }, "running"],
    ["forgotten by the queue, ended", undefined, { record, result, isAlive: false }, "finished"],
    ["forgotten by the queue, host went down", undefined, { record, result: undefined, isAlive: false }, "lost"],
    ["never there", undefined, nothing, "not-started"],
  ];
  for (const [what, state, evidence, kind] of table) assert.equal(reconcile(state, evidence).kind, kind, what);
  const unattended = reconcile(killed, { record, result: undefined, isAlive: true });
  assert.deepEqual(unattended, { kind: "running", unattended: true });
});

test("the files of an earlier run under the same label are not taken for this one's", () => {
  const later: TaskState = { ...killed, startedAt: "2026-01-01T11:00:00Z", endedAt: "2026-01-01T11:00:01Z" };
  assert.equal(reconcile(later, { record, result, isAlive: false }).kind, "not-started");
  assert.equal(reconcile(later, { record, result: undefined, isAlive: false }).kind, "not-started");
});

function taskIn(state: TaskState): QueueTask {
  return { label: "L", createdAt: startedAt, group: "p2", state, number: "7" };
}

test("S-15: paused, killed and dependency-failed are explained, each with one command", () => {
  const paused: QueueGroup = { name: "p2", status: "paused", parallel: 2 };
  const running: QueueGroup = { ...paused, status: "running" };
  const table: [QueueTask, QueueGroup, typeof nothing, RegExp, string | undefined][] = [
    [taskIn({ kind: "queued" }), paused, nothing, /group p2 is paused/, "pueue start --group=p2"],
    [taskIn({ kind: "queued" }), running, nothing, /waits for its turn in p2, 2 at a time/, undefined],
    [taskIn({ kind: "stashed", startAt: undefined }), running, nothing, /held back/, "pueue enqueue 7"],
    [taskIn({ kind: "paused", startedAt }), running, { ...nothing, isAlive: true }, /keeps its slot/, "pueue start 7"],
    [taskIn(killed), paused, { record, result: undefined, isAlive: true }, /runs, although/, undefined],
    [taskIn(killed), paused, { record, result: undefined, isAlive: false }, /went down/, "pueue restart --in-place 7"],
    [
      taskIn({ ...killed, outcome: { kind: "dependency-failed" } }),
      running,
      nothing,
      /has failed, so the queue gave it up/,
      "pueue restart --in-place 7",
    ],
    [taskIn({ ...killed, outcome: { kind: "failed", code: 1 } }), running, nothing, /ran here/, "pueue log 7"],
    [
      taskIn({ ...killed, outcome: { kind: "failed", code: 2 } }),
      running,
      nothing,
      /disk full; its output/,
      "pueue log 7",
    ],
    [
      taskIn({ ...killed, outcome: { kind: "failed", code: 2 } }),
      running,
      { record, result: undefined, isAlive: false },
      /could not write down what became of it/,
      "pueue restart --in-place 7",
    ],
  ];
  for (const [task, group, evidence, text, fix] of table) {
    const explained = explainState("pueue", task, group, reconcile(task.state, evidence));
    assert.match(explained.text, text);
    assert.equal(explained.fix, fix, explained.text);
  }
});

test("how a job ended is said in words", () => {
  const table: [Partial<RunResult>, string][] = [
    [{}, "it ended with 0: done, or clean"],
    [{ exitCode: 4 }, "it ended with 4: refused: floor, disabled symbol, lease held, other segmentation"],
    [{ exitCode: 9 }, "it ended with 9"],
    [{ outcome: "signalled", signal: "SIGTERM" }, "SIGTERM ended it"],
    [
      { outcome: "out-of-memory", memoryPeakBytes: 2 << 20, memoryMaxBytes: 1 << 20 },
      "it was killed for memory: it held 2 MiB of 1 MiB allowed",
    ],
    [{ outcome: "not-started", reason: "spawn x ENOENT" }, "its worker did not start: spawn x ENOENT"],
  ];
  for (const [change, text] of table) {
    const where = { kind: "finished", result: { ...result, ...change } } as const;
    assert.deepEqual(explainState("slurm", taskIn(killed), undefined, where), { text });
  }
});

test("a settings snapshot is the same for the same settings, and another file is refused", () => {
  const one = settingsSnapshot({ archive: "a", thresholds: { "250": 1, "100": 2 }, list: [3, 1] });
  assert.deepEqual(one, settingsSnapshot({ list: [3, 1], thresholds: { "100": 2, "250": 1 }, archive: "a" }));
  assert.notEqual(one.hash, settingsSnapshot({ archive: "a", thresholds: {}, list: [3, 1] }).hash);
  const path = join(temporaryFolder("snapshot"), "settings.json");
  writeFileSync(path, one.text);
  assert.deepEqual(readSettingsSnapshot(path, one.hash), {
    archive: "a",
    thresholds: { "250": 1, "100": 2 },
    list: [3, 1],
  });
  writeFileSync(path, one.text.replace('"a"', '"b"'));
  for (const bad of [path, join(path, "..", "none.json")]) {
    assert.throws(
      () => readSettingsSnapshot(bad, one.hash),
      (error: unknown) => error instanceof ConfigurationError && error.code === "SETTINGS_SNAPSHOT",
    );
  }
});

test("a job's file that is damaged, or of another version, is an error of its host", async () => {
  const folder = temporaryFolder("job-file");
  const label = "BTCUSDT@250:2024#1~0f";
  const runner = new LocalRunner({ PATH: process.env["PATH"] ?? "" });
  mkdirSync(join(folder, "jobs", jobFolderName(label)), { recursive: true });
  for (const text of ["{", '{"version":2}']) {
    for (const name of ["pid.json", "result.json"]) {
      const path = join(folder, "jobs", jobFolderName(label), name);
      writeFileSync(path, text);
      await assert.rejects(readEvidence(runner, folder, [label]), {
        code: "JOB_FILES",
        message: /damaged, or of another/,
      });
      rmSync(path);
    }
  }
});
