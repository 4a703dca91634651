import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { after, test } from "node:test";
import type { RunRecord } from "../../lib/queue/job-files.ts";
import { signalRuns } from "../../lib/queue/signal-run.ts";
import { processStart } from "../../lib/store/embedded/process-identity.ts";
import { LocalRunner } from "../rig/local-runner.ts";

const runner = new LocalRunner({ PATH: process.env["PATH"] ?? "", HOME: "/" });
const children: ChildProcess[] = [];
after(() => children.forEach((child) => child.kill("SIGKILL")));

/** A process that lives until it is told otherwise, and what a supervisor would write of it. */
function processThatRuns(): { child: ChildProcess; pid: number; start: string } {
  const child = spawn("sleep", ["600"], { stdio: "ignore" });
  children.push(child);
  const pid = child.pid ?? 0;
  return { child, pid, start: processStart(pid) ?? "" };
}

type Known = Pick<ReturnType<typeof processThatRuns>, "pid" | "start">;

function recordOf(supervisor: Known, worker?: Known): RunRecord {
  const { pid, start: processStart } = supervisor;
  const working = worker === undefined ? {} : { workerPid: worker.pid, workerStart: worker.start };
  const startedAt = new Date().toISOString();
  return { version: 1, label: "L", unit: "u", host: "h", pid, processStart, ...working, startedAt };
}

async function signalOf(child: ChildProcess): Promise<NodeJS.Signals | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.signalCode;
}

test("a stop goes to the supervisor, a kill to the worker; several in one session, each answered for", async () => {
  const [one, two, three, four] = [processThatRuns(), processThatRuns(), processThatRuns(), processThatRuns()];
  const records = [recordOf(one, two), recordOf(three, four)];
  runner.calls.length = 0;
  assert.deepEqual(await signalRuns(runner, records, "stop"), records);
  assert.equal(runner.calls.length, 1);
  assert.deepEqual([await signalOf(one.child), await signalOf(three.child)], ["SIGTERM", "SIGTERM"]);
  assert.deepEqual([two.child.signalCode, four.child.signalCode], [null, null]);
  assert.equal((await signalRuns(runner, records.slice(0, 1), "kill")).length, 1);
  assert.equal(await signalOf(two.child), "SIGKILL");
});

test("a worker that outlived its supervisor hears a stop itself", async () => {
  const [gone, worker] = [processThatRuns(), processThatRuns()];
  gone.child.kill("SIGKILL");
  await signalOf(gone.child);
  assert.equal((await signalRuns(runner, [recordOf(gone, worker)], "stop")).length, 1);
  assert.equal(await signalOf(worker.child), "SIGTERM");
});

test("a process that only has the number of one that is gone is left alone", async () => {
  const stranger = processThatRuns();
  const earlier = { pid: stranger.pid, start: stranger.start.replace(/\d+$/, "1") };
  for (const how of ["stop", "kill"] as const) {
    assert.deepEqual(await signalRuns(runner, [recordOf(earlier, earlier)], how), []);
  }
  assert.equal(stranger.child.signalCode, null);
  assert.equal(processStart(stranger.pid), stranger.start);
});

test("of a run without a worker on file a kill ends nothing: its worker would be left alone", async () => {
  const supervisor = processThatRuns();
  assert.deepEqual(await signalRuns(runner, [recordOf(supervisor)], "kill"), []);
  assert.equal((await signalRuns(runner, [recordOf(supervisor)], "stop")).length, 1);
  assert.equal(await signalOf(supervisor.child), "SIGTERM");
});
