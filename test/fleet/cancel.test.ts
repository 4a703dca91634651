import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { loadSettings, readEnvironment, type Settings } from "../../lib/config/index.ts";
import { isCancelled } from "../../lib/fleet/cancel-note.ts";
import { lookAtFleet } from "../../lib/fleet/watch.ts";
import { fleetStatusLines } from "../../lib/report/fleet-status.ts";
import { cancelJobs } from "../../lib/fleet/cancel.ts";
import { openFleetHost, type OpenFleetHost } from "../../lib/fleet/fleet-host.ts";
import { changeHostMemory, readHostMemory } from "../../lib/fleet/host-memory.ts";
import { carryOut } from "../../lib/fleet/scale/carry-out.ts";
import { retryJobs, type RetryOutcome } from "../../lib/fleet/retry.ts";
import { HostScaler } from "../../lib/fleet/scale/scale-host.ts";
import { cancelDocument, cancelExitCode, cancelLines } from "../../lib/report/fleet-jobs.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { jobSnapshot } from "../../lib/fleet/snapshot.ts";
import { leaveStopNote } from "../../lib/fleet/stop-note.ts";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import { jobFolder } from "../../lib/queue/job-files.ts";
import { LocalQueue } from "../../lib/queue/local/queue.ts";
import type { QueueJob, TaskIdentity } from "../../lib/queue/queue.ts";
import { temporaryFolder } from "../ops/run.ts";
import { eventually, shellJob, until } from "../queue/tasks.ts";
import { FedHost } from "../rig/pressure.ts";
import { localEntry } from "./local-entry.ts";

const path = process.env["PATH"] ?? "";
const fed = new FedHost();
const job = "AAAUSDT@250:2024";
const label = `${job}#1~0f`;
let folder: string;
let host: OpenFleetHost;
/** Of the autoscaler that runs on the host. */
let ledger: Ledger;

beforeEach(() => {
  fed.feed({});
  process.env["PATH"] = `${fed.bin}${delimiter}${path}`;
  folder = temporaryFolder("cancel");
  ledger = openLedger(join(folder, "service"));
  host = openFleetHost(localEntry(join(folder, "barkeep"), 2), undefined);
});

afterEach(async () => {
  await host[Symbol.asyncDispose]();
  ledger[Symbol.dispose]();
  process.env["PATH"] = path;
});

function settingsOf(name: string): Settings {
  return loadSettings({ state: join(folder, name) }, readEnvironment({ BARKEEP_SETTINGS: "off" }));
}

/** A job that says when it was asked to stop, and ends when the test lets it. */
async function runJob(): Promise<{ readonly createdAt: string; readonly asked: string; readonly end: string }> {
  const asked = join(folder, "asked");
  const end = join(folder, "end");
  const script = `trap ': >${asked}' TERM; : >${folder}/ready; until [ -e '${end}' ]; do sleep 0.05; done; exit 130`;
  await host.queue.handshake();
  await host.queue.enqueue([shellJob(folder, label, script)]);
  const { createdAt } = await until(host.queue, label, "running");
  await eventually("it listens", () => existsSync(join(folder, "ready")));
  return { createdAt, asked, end };
}

test("a job that a person cancels is not queued again because memory gets short before its next commit", async () => {
  const { createdAt, asked, end } = await runJob();
  const request = { entries: [host.entry], patterns: [job], how: "stop", isPlan: false } as const;
  const { jobs, failures } = await cancelJobs(request, settingsOf("operator"));
  assert.deepEqual([jobs.map(({ became }) => became), failures], [["stopping"], []]);
  await eventually("it is asked to stop", () => existsSync(asked));

  const stop = { action: "stop at commit", unit: job, group: "p2", reason: "memory is short" } as const;
  const look = { memory: await readHostMemory(host), snapshot: await host.queue.poll() };
  await carryOut(host, look, [stop], ledger);
  assert.deepEqual((await readHostMemory(host)).stopped, []);

  // The service had looked for the note before the person left it.
  const stopped = { job, label, createdAt, how: "stop at commit", waitingSinceMs: 0 } as const;
  await changeHostMemory(host, (memory) => ({ ...memory, stopped: [stopped] }));
  writeFileSync(end, "");
  await until(host.queue, label, "done");
  const { requeued, failure } = await new HostScaler(host, true, settingsOf("service"), {}, ledger).step();
  assert.equal(failure, undefined);
  assert.deepEqual(requeued, { jobs: [], left: [{ job, reason: "a person ended it" }] });
  assert.deepEqual((await readHostMemory(host)).stopped, []);
});

const named = { patterns: [job], how: "stop", isPlan: false } as const;

/** A job that was stopped to make room and has ended; what is queued next waits. @returns what it was queued with */
async function stoppedJob(): Promise<QueueJob> {
  const snapshot = jobSnapshot({ document: { bar_version: 1 } }, host.entry, settingsOf("service"));
  const ofJob = jobFolder(host.entry.directory, label);
  await host.queue.handshake();
  await host.queue.enqueue([
    shellJob(folder, label, "exit 130", { files: [{ path: join(ofJob, "settings.json"), text: snapshot.text }] }),
  ]);
  const { createdAt } = await until(host.queue, label, "done");
  await host.queue.pauseGroup("p2");
  await leaveStopNote(host, label, { version: 1, how: "kill", reason: "a test", at: createdAt });
  const stopped = { job, label, createdAt, how: "kill", waitingSinceMs: 0 } as const;
  await changeHostMemory(host, (memory) => ({ ...memory, stopped: [stopped] }));
  return shellJob(folder, `${job}#2~0f`, "true");
}

async function liveLabels(): Promise<string[]> {
  const { tasks } = await host.queue.poll();
  return tasks.filter(({ state }) => state.kind !== "done").map((task) => task.label);
}

test("an attempt that is queued while a person cancels the one before is taken out too", async (t) => {
  const again = await stoppedJob();
  const cancel = host.queue.cancel.bind(host.queue);
  // The autoscaler had looked for the note before it was there, and queues now.
  const mocked = t.mock.method(
    LocalQueue.prototype,
    "cancel",
    async (tasks: readonly TaskIdentity[], how: "stop" | "kill") => {
      mocked.mock.restore();
      await host.queue.enqueue([again]);
      return cancel(tasks, how);
    },
  );
  const { jobs, failures } = await cancelJobs({ entries: [host.entry], ...named }, settingsOf("operator"));
  assert.deepEqual(failures, []);
  assert.deepEqual(
    jobs.map((one) => [one.label, one.state, one.became]),
    [
      [label, "stopped", "left"],
      [again.label, "waiting", "taken out"],
    ],
  );
  await eventually("it is taken out", async () => (await liveLabels()).length === 0);
  assert.ok(await isCancelled(host, again.label));
});

test("an attempt that is queued behind the look of whoever cancels the one before is taken back", async (t) => {
  await stoppedJob();
  const mocked = t.mock.method(
    LocalQueue.prototype,
    "enqueue",
    async function (this: LocalQueue, jobs: readonly QueueJob[]) {
      mocked.mock.restore();
      // Behind the last look for the note; whoever left it looks at the queue before this is in it.
      const { jobs: cancelled } = await cancelJobs({ entries: [host.entry], ...named }, settingsOf("operator"));
      assert.deepEqual(
        cancelled.map(({ became }) => became),
        ["left"],
      );
      return this.enqueue(jobs);
    },
  );
  const { requeued, failure } = await new HostScaler(host, true, settingsOf("service"), {}, ledger).step();
  assert.equal(failure, undefined);
  assert.deepEqual(requeued, { jobs: [], left: [{ job, reason: "a person ended it" }] });
  assert.equal(mocked.mock.callCount(), 1);
  await eventually("it is taken out", async () => (await liveLabels()).length === 0);
  assert.deepEqual((await readHostMemory(host)).stopped, []);
});

test("what a person has cancelled is left also by who types retry on another machine, until it is named", async () => {
  await stoppedJob();
  await cancelJobs({ entries: [host.entry], ...named }, settingsOf("operator"));
  const asked = { entries: [host.entry], resumes: false, failsMax: undefined, isPlan: true } as const;
  const retried = async (patterns: readonly string[]): Promise<RetryOutcome> =>
    retryJobs({ ...asked, patterns }, settingsOf("colleague"), {}, assert.fail);
  const all = await retried([]);
  assert.deepEqual([all.jobs, all.left.map(({ kind }) => kind), all.failures], [[], ["cancelled"], []]);
  const one = await retried([job]);
  assert.deepEqual([one.jobs.map((again) => again.job), one.left], [[job], []]);
});

test("a job that its queue does not take out, for others come after it, is said to wait still", async (t) => {
  await host.queue.handshake();
  await host.queue.pauseGroup("p2");
  await host.queue.enqueue([shellJob(folder, label, "true")]);
  // As pueue does.
  t.mock.method(LocalQueue.prototype, "cancel", async () => []);
  const outcome = await cancelJobs({ entries: [host.entry], ...named }, settingsOf("operator"));
  assert.match(cancelLines(outcome, false).join(), /AAAUSDT@250:2024 on here: still waits: .*cancel those too/);
  assert.deepEqual(cancelDocument(outcome, false)["jobs"], [
    { job, host: "here", label, was: "waiting", cancelled: false, became: "awaited" },
  ]);
  assert.equal(cancelExitCode(outcome), exitCodes.refused);
  t.mock.restoreAll();
  await cancelJobs({ entries: [host.entry], ...named }, settingsOf("operator"));
});

test("what was said of a cancelled job is forgotten once the same label is queued anew", async () => {
  const note = join(jobFolder(host.entry.directory, label), "cancelled.json");
  await host.queue.handshake();
  await host.queue.enqueue([shellJob(folder, label, "true", { files: [{ path: note, text: "{}" }] })]);
  await until(host.queue, label, "done");
  assert.ok(existsSync(note));
  await host.queue.enqueue([shellJob(folder, label, "true", { files: [{ path: note, text: undefined }] })]);
  assert.equal(existsSync(note), false);
  await until(host.queue, label, "done");
});

test("where what is remembered cannot be read the jobs are shown and cancelled, and it is said", async () => {
  const { asked, end } = await runJob();
  // No file at all: on this machine the system's own error, which named no host and ended everything.
  mkdirSync(join(host.entry.directory, "host-memory.here.json"), { recursive: true });
  await assert.rejects(readHostMemory(host), {
    name: "UnavailableError",
    code: "HOST_MEMORY",
    message: /host-memory\.here\.json.*EISDIR/,
  });
  for await (const { views, failures } of lookAtFleet(
    [host.entry],
    settingsOf("operator"),
    undefined,
    false,
    new AbortController().signal,
  )) {
    assert.deepEqual(
      views.flatMap(({ jobs }) => jobs.map((one) => [one.job, one.state])),
      [[job, "running"]],
    );
    assert.equal(failures[0]?.failure.code, "HOST_MEMORY");
    assert.match(fleetStatusLines(views, failures).join("\n"), /held and stopped there is not known/);
  }
  const request = { entries: [host.entry], patterns: [job], how: "stop", isPlan: false } as const;
  const { jobs, failures } = await cancelJobs(request, settingsOf("operator"));
  assert.deepEqual(
    jobs.map(({ became }) => became),
    ["stopping"],
  );
  assert.match(failures.map(({ failure }) => failure.message).join(), /may be queued again: /);
  await eventually("it is asked to stop", () => existsSync(asked));
  assert.ok(await isCancelled(host, label), "the note beside the job could be left");
  writeFileSync(end, "");
  await until(host.queue, label, "done");
});
