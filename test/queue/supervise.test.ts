import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readEvidence } from "../../lib/queue/evidence.ts";
import {
  jobFolder,
  runRecordSchema,
  runResultSchema,
  type RunRecord,
  type RunResult,
} from "../../lib/queue/job-files.ts";
import { reconcile } from "../../lib/queue/reconcile.ts";
import { processStart } from "../../lib/store/embedded/process-identity.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";
import { LocalRunner } from "../rig/local-runner.ts";
import { eventually } from "./tasks.ts";

const program = join(projectRoot, "bin/supervise.mjs");
const state = temporaryFolder("supervise");
const unitsFolder = join(state, "units");
const runner = new LocalRunner({ PATH: process.env["PATH"] ?? "", HOME: state });

/** Holds 30 MB more each 30 ms, up to what any machine has left: it may be a while until somebody looks. */
const eater = "const held=[];setInterval(()=>held.length<20&&held.push(Buffer.alloc(30e6,1)),30)";

interface Given {
  readonly unit?: string;
  readonly memoryMaxBytes?: number;
}

function words(label: string, { unit = `unit-${label}`, memoryMaxBytes }: Given): string[] {
  const limit = memoryMaxBytes === undefined ? [] : ["--memory-max", String(memoryMaxBytes)];
  return [
    "--label",
    label,
    "--unit",
    unit,
    "--job-folder",
    jobFolder(state, label),
    "--units-folder",
    unitsFolder,
    ...limit,
  ];
}

function start(label: string, argv: readonly string[], given: Given = {}): ChildProcess {
  return spawn(process.execPath, [program, ...words(label, given), "--", ...argv], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
}

async function codeOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

function resultOf(label: string): RunResult {
  return runResultSchema.parse(JSON.parse(readFileSync(join(jobFolder(state, label), "result.json"), "utf8")));
}

async function recordOf(label: string): Promise<RunRecord> {
  const path = join(jobFolder(state, label), "pid.json");
  return eventually(`the worker of ${label}`, () => {
    const record = existsSync(path) ? runRecordSchema.parse(JSON.parse(readFileSync(path, "utf8"))) : undefined;
    return record?.workerPid === undefined ? undefined : record;
  });
}

async function stderrOf(child: ChildProcess): Promise<string> {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await once(child, "close");
  return text;
}

test("a worker's exit code is the supervisor's, and the result says it once, in a file of this user alone", async () => {
  assert.equal(await codeOf(start("exit 7", ["sh", "-c", "exit 7"])), 7);
  const result = resultOf("exit 7");
  assert.equal(result.outcome, "exited");
  assert.equal(result.exitCode, 7);
  assert.equal(result.guard, "none");
  assert.equal(result.outOfMemoryKills, 0);
  assert.ok(result.durationMs >= 0 && Date.parse(result.endedAt) >= Date.parse(result.startedAt));
  const folder = jobFolder(state, "exit 7");
  assert.deepEqual(readdirSync(folder).sort(), ["pid.json", "result.json"]);
  assert.equal(statSync(join(folder, "result.json")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(unitsFolder), []);
});

test("CPU time and written bytes of the worker's own children are in the result", async () => {
  const busy = "while(process.cpuUsage().user+process.cpuUsage().system<3e5);";
  const script = `"$1" -e "$2"; dd if=/dev/zero of="$3" bs=1M count=8 conv=fsync 2>/dev/null`;
  const argv = ["sh", "-c", script, "sh", process.execPath, busy, join(state, "written")];
  assert.equal(await codeOf(start("usage", argv)), 0);
  const { cpuMs, writtenBytes, residentPeakBytes } = resultOf("usage");
  assert.ok(residentPeakBytes > 10e6, `${residentPeakBytes} bytes`);
  assert.ok(cpuMs >= 290 && cpuMs < 10_000, `${cpuMs} ms`);
  const inMemory = 0x01021994;
  if (statfsSync(state).type !== inMemory) assert.ok(writtenBytes >= 8 << 20, `${writtenBytes} bytes`);
});

test("a worker that a signal ends, and one that is not there, are told apart", async () => {
  assert.equal(await codeOf(start("kills itself", ["sh", "-c", "kill -9 $$"])), 137);
  const { outcome, signal, outOfMemoryKills } = resultOf("kills itself");
  assert.deepEqual(
    { outcome, signal, outOfMemoryKills },
    { outcome: "signalled", signal: "SIGKILL", outOfMemoryKills: 0 },
  );
  assert.equal(await codeOf(start("no program", ["/nowhere/at all"])), 127);
  assert.equal(resultOf("no program").outcome, "not-started");
  assert.match(resultOf("no program").reason ?? "", /ENOENT/);
});

test("a signal reaches the worker, whose own answer to it is the result", async () => {
  const ready = join(state, "ready");
  const child = start("signalled", ["sh", "-c", `trap 'exit 130' TERM; : >'${ready}'; while :; do sleep 0.05; done`]);
  await recordOf("signalled");
  await eventually("it listens", () => existsSync(ready));
  child.kill("SIGTERM");
  assert.equal(await codeOf(child), 130);
  assert.equal(resultOf("signalled").exitCode, 130);
});

test("S-18: the watchdog kills a worker with its children for memory, and the result says so with the peak", async () => {
  const memoryMaxBytes = 200e6;
  const argv = ["sh", "-c", `"$1" -e "$2" & wait`, "sh", process.execPath, eater];
  assert.equal(await codeOf(start("eater", argv, { memoryMaxBytes })), 137);
  const result = resultOf("eater");
  assert.equal(result.outcome, "out-of-memory");
  assert.equal(result.guard, "watchdog");
  assert.equal(result.memoryMaxBytes, memoryMaxBytes);
  assert.equal(result.outOfMemoryKills, 1);
  assert.ok(result.memoryPeakBytes > memoryMaxBytes, `${result.memoryPeakBytes}`);
  // A neighbour under the same limit that holds less is left alone.
  assert.equal(await codeOf(start("neighbour", ["sh", "-c", "sleep 0.5"], { memoryMaxBytes })), 0);
});

test("a unit runs once on a host, whoever queued it; the second is refused and leaves nothing", async () => {
  const first = start("first", ["sleep", "60"], { unit: "same" });
  const { pid } = await recordOf("first");
  const second = start("second", ["touch", join(state, "ran-twice")], { unit: "same" });
  const text = await stderrOf(second);
  assert.equal(second.exitCode, 4);
  assert.match(text, new RegExp(`first, process ${pid}.*UNIT_RUNNING`, "s"));
  assert.equal(existsSync(join(state, "ran-twice")), false);
  assert.equal(existsSync(jobFolder(state, "second")), false);
  // Also under the first's own label: what the first has on file stays.
  assert.equal(await codeOf(start("first", ["true"], { unit: "same" })), 4);
  assert.equal((await recordOf("first")).pid, pid);
  first.kill("SIGTERM");
  await codeOf(first);
  assert.equal(await codeOf(start("second", ["true"], { unit: "same" })), 0);
});

test("of many that start at the same instant at most one runs", async () => {
  const log = join(state, "ran");
  writeFileSync(log, "");
  const all = Array.from({ length: 6 }, (_, i) =>
    start(`crowd ${i}`, ["sh", "-c", `echo in >>${log}; sleep 1; echo out >>${log}`], { unit: "crowd" }),
  );
  const codes = await Promise.all(all.map(codeOf));
  for (const code of codes) assert.ok(code === 0 || code === 4, `${code}`);
  assert.doesNotMatch(readFileSync(log, "utf8"), /in\nin/);
});

test("a dead supervisor's unit is free, but not while its worker lives on", async () => {
  const child = start("orphaned", ["sleep", "60"], { unit: "left" });
  const record = await recordOf("orphaned");
  child.kill("SIGKILL");
  await codeOf(child);
  assert.equal(await codeOf(start("next", ["true"], { unit: "left" })), 4);
  const seen = await readEvidence(runner, state, ["orphaned"]);
  assert.equal(seen.get("orphaned")?.isAlive, true);
  process.kill(record.workerPid ?? 0, "SIGKILL");
  await eventually("the end of the worker", () => processStart(record.workerPid ?? 0) === undefined);
  assert.equal(await codeOf(start("next", ["true"], { unit: "left" })), 0);
});

test("what a host shows of its jobs is read in one session: alive, ended, lost, never begun", async () => {
  const labels = ["it's alive", "it && ended", "lost\nit", "never was"];
  const alive = start(labels[0] ?? "", ["sleep", "60"]);
  const lost = start(labels[2] ?? "", ["sleep", "60"]);
  await codeOf(start(labels[1] ?? "", ["true"]));
  await recordOf(labels[0] ?? "");
  const { workerPid } = await recordOf(labels[2] ?? "");
  process.kill(-(lost.pid ?? 0), "SIGKILL");
  await codeOf(lost);
  await eventually("the end of the worker", () => processStart(workerPid ?? 0) === undefined);
  runner.calls.length = 0;
  const seen = await readEvidence(runner, state, labels);
  assert.equal(runner.calls.length, 1);
  const nothing = { record: undefined, result: undefined, isAlive: false };
  const kinds = labels.map((label) => reconcile(undefined, seen.get(label) ?? nothing).kind);
  assert.deepEqual(kinds, ["running", "finished", "lost", "not-started"]);
  alive.kill("SIGTERM");
  await codeOf(alive);
});

test("a job that ends while its host is looked at has ended, and is not lost", async () => {
  const [go, bin] = [join(state, "go"), join(state, "slow")];
  const child = start("ending", ["sh", "-c", `while ! [ -e '${go}' ]; do sleep 0.02; done`]);
  await recordOf("ending");
  mkdirSync(bin);
  // Once somebody has read who runs, the job ends.
  const grep = `#!/bin/sh
PATH=/usr/bin:/bin
grep "$@"
case "$*" in *pid.json*) touch '${go}'; while kill -0 ${child.pid} 2>/dev/null; do sleep 0.02; done ;; esac
`;
  writeFileSync(join(bin, "grep"), grep, { mode: 0o755 });
  const { PATH: path = "" } = runner.env;
  const seen = await readEvidence(new LocalRunner({ ...runner.env, PATH: `${bin}:${path}` }), state, ["ending"]);
  const evidence = seen.get("ending");
  assert.ok(evidence !== undefined);
  assert.equal(reconcile(undefined, evidence).kind, "finished");
});

test("an active scope is seen by the name of the job, whichever attempt is in it", async () => {
  const bin = join(state, "bin");
  mkdirSync(bin);
  const active = "barkeep.range.binance.spot.BTCUSDT.2024.250.scope";
  const lists = `case "$*" in "--user list-units "*) echo "${active} loaded active running a job" ;; *) exit 1 ;; esac`;
  writeFileSync(join(bin, "systemctl"), `#!/bin/sh\n${lists}\n`, { mode: 0o755 });
  const { PATH: path = "" } = runner.env;
  const labels = ["BTCUSDT@250:2024#1~ab", "BTCUSDT@250:2024#2~ab", "BTCUSDT@250:2023#1~ab", "someone's"];
  const seen = await readEvidence(new LocalRunner({ ...runner.env, PATH: `${bin}:${path}` }), state, labels);
  assert.deepEqual(
    labels.map((label) => seen.get(label)?.isScopeActive),
    [true, true, false, false],
  );
});

test("that an earlier run was stopped is not said of the next one under its label; what is said of one that begins stays", async () => {
  const note = join(jobFolder(state, "noted"), "stopped.json");
  mkdirSync(jobFolder(state, "noted"), { recursive: true });
  writeFileSync(note, "{}");
  assert.equal(await codeOf(start("noted", ["true"])), 0);
  assert.ok(existsSync(note), "it was to be stopped before it began");
  assert.equal(await codeOf(start("noted", ["false"])), 1);
  assert.equal(existsSync(note), false);
});

test("a result of an earlier run under the same label is gone while the next one runs", async () => {
  assert.equal(await codeOf(start("again", ["true"])), 0);
  const child = start("again", ["sleep", "60"]);
  await eventually("the second run", async () => (await recordOf("again")).pid === child.pid);
  assert.equal(existsSync(join(jobFolder(state, "again"), "result.json")), false);
  child.kill("SIGTERM");
  await codeOf(child);
  assert.equal(resultOf("again").signal, "SIGTERM");
});

test("a missing argument is a usage error, before anything is started", async () => {
  const child = spawn(process.execPath, [program, "--label", "x", "--", "true"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const text = await stderrOf(child);
  assert.equal(child.exitCode, 3);
  assert.match(text, /SUPERVISE_USAGE/);
});
