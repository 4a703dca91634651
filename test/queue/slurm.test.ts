import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ConfigurationError, UnavailableError } from "../../lib/model/errors.ts";
import { readEvidence } from "../../lib/queue/evidence.ts";
import { jobFolder } from "../../lib/queue/job-files.ts";
import type { QueueJob, TaskState } from "../../lib/queue/queue.ts";
import { reconcile } from "../../lib/queue/reconcile.ts";
import { formatIdentity, parseIdentity } from "../../lib/queue/slurm/identity.ts";
import { parsePoll } from "../../lib/queue/slurm/parse.ts";
import { SlurmQueue } from "../../lib/queue/slurm/queue.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";
import { LocalRunner } from "../rig/local-runner.ts";
import { SlurmCluster, skipWithoutSlurm } from "../rig/slurm.ts";
import { eventually, outcomeOf, shellJob, taskOf, until } from "./tasks.ts";

const skip = skipWithoutSlurm;
const secret = "sesame-7f3c91";
const home = temporaryFolder("slurm");
const root = join(home, "100% out");
let cluster: SlurmCluster;
let queue: SlurmQueue;

before(async () => {
  if (skip !== false) return;
  cluster = await SlurmCluster.start(home, { CLICKHOUSE_PASSWORD: secret });
  queue = new SlurmQueue(cluster.runner, root);
});
after(async () => {
  if (skip === false) await cluster[Symbol.asyncDispose]();
});

function job(label: string, script: string, given: Partial<QueueJob> = {}): QueueJob {
  return shellJob(home, label, script, given);
}

// Slow enough that a supervisor which looks five times a second has seen most of what it held.
const eater = "const held=[];setInterval(()=>held.push(Buffer.alloc(10e6,1)),100)";

test("jobs are submitted, watched and forgotten by Slurm, each end told apart, none lost", { skip }, async () => {
  assert.match((await queue.handshake()).version, /^\d+\.\d+/);
  const odd = ["a b", "it's", "&& touch bad", "two\nlines", "%j", "|", ""];
  const label = `${odd.join("")} é`;
  const path = join(home, "jobs", "x", "settings.json");
  const words = ["sh", "-c", `printf '<%s>' "$@"; printf '\\n'; env; exit 7`, "sh", ...odd] as const;
  const gate = join(home, "gate");
  const gated = `until [ -e ${gate} ]; do sleep 0.05; done; exec "$0" -e "$1"`;
  const jobs = [
    job(label, "", { argv: [...words], files: [{ path, text: secret }] }),
    job("good", "true"),
    job("killed", "kill -9 $$"),
    job("hog", "", { argv: ["sh", "-c", gated, process.execPath, eater], memoryBytes: 200e6 }),
  ];
  cluster.runner.calls.length = 0;
  const added = await queue.enqueue(jobs);
  assert.equal(cluster.runner.calls.length, 2);
  assert.deepEqual(
    added.map(({ outcome, task }) => [outcome, task.label]),
    jobs.map((one) => ["added", one.label]),
  );
  assert.equal((await queue.enqueue([job("hog", "true")]))[0]?.outcome, "already");
  writeFileSync(gate, "");

  const failed = await until(queue, label, "done");
  assert.deepEqual(outcomeOf(failed), { kind: "failed", code: 7 });
  assert.equal(failed.createdAt, added[0]?.task.createdAt);
  const printed = await queue.logs(failed, 1000);
  assert.ok(printed.startsWith(`${odd.map((word) => `<${word}>`).join("")}\n`), printed);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  for (const text of [printed, await cluster.run("scontrol", "show", "job")]) {
    assert.equal(text.includes(secret), false);
  }
  assert.deepEqual(outcomeOf(await until(queue, "good", "done")), { kind: "success" });
  assert.deepEqual(outcomeOf(await until(queue, "killed", "done")), { kind: "killed" });
  // S-18: Slurm's own limit, typed.
  assert.deepEqual(outcomeOf(await until(queue, "hog", "done")), { kind: "out-of-memory" });

  const known = (await queue.poll()).tasks;
  await cluster.forget();
  assert.equal(await cluster.run("squeue", "--noheader", "--states=all"), "");
  const kept = new Map((await queue.poll()).tasks.map((task) => [task.label, task]));
  assert.equal(kept.size, known.length);
  for (const task of known) assert.deepEqual(kept.get(task.label), task);
});

test("cancel asks or kills what runs and takes out what waits; a held group is let go", { skip }, async () => {
  const ready = ["asked", "shot"].map((name) => join(home, `${name}.ready`));
  const [asks, shoots] = ready.map((file) => `trap 'exit 130' TERM; : >${file}; while :; do sleep 0.05; done`);
  assert.ok(asks !== undefined && shoots !== undefined);
  await queue.enqueue([job("asked", asks), job("shot", shoots)]);
  await until(queue, "asked", "running");
  await until(queue, "shot", "running");
  await queue.enqueue([job("waits", "true"), job("held", "true", { group: "p3" })]);
  await cluster.run("scontrol", "hold", (await taskOf(queue, "held")).number);
  await until(queue, "held", "stashed");
  await eventually("they listen", () => ready.every((file) => existsSync(file)));
  const [asked, shot, waits] = [
    await taskOf(queue, "asked"),
    await taskOf(queue, "shot"),
    await taskOf(queue, "waits"),
  ];
  assert.equal((await queue.cancel([waits, asked], "stop")).length, 2);
  assert.deepEqual(outcomeOf(await until(queue, "waits", "done")), { kind: "killed" });
  assert.deepEqual(outcomeOf(await until(queue, "asked", "done")), { kind: "failed", code: 130 });
  await queue.cancel([shot], "kill");
  assert.deepEqual(outcomeOf(await until(queue, "shot", "done")), { kind: "killed" });
  assert.deepEqual(await queue.cancel([asked, shot, waits], "kill"), []);
  await queue.resumeGroup("p3");
  assert.deepEqual(outcomeOf(await until(queue, "held", "done")), { kind: "success" });
});

test("S-18: a supervisor whose worker Slurm killed for memory does not know why; Slurm does", { skip }, async () => {
  const label = "supervised hog";
  const files = ["--job-folder", jobFolder(home, label), "--units-folder", join(home, "units")];
  const supervise = [join(projectRoot, "bin/supervise.mjs"), "--label", label, "--unit", "u", ...files, "--"];
  const argv = [process.execPath, ...supervise, process.execPath, "-e", eater] as const;
  await queue.enqueue([job(label, "", { argv, memoryBytes: 400e6 })]);
  const { state } = await until(queue, label, "done");
  const evidence = (await readEvidence(cluster.runner, home, [label])).get(label);
  assert.ok(evidence !== undefined);
  const where = reconcile(state, evidence);
  assert.equal(where.kind === "finished" && where.result.outcome, "out-of-memory");
  assert.ok((evidence.result?.residentPeakBytes ?? 0) > 200e6);
});

test("Slurm has no limits by group, and says so", { skip }, async () => {
  await queue.ensureGroups([{ name: "p1", parallel: 1 }]);
  await assert.rejects(
    queue.setParallel("p1", 2),
    (error: unknown) => error instanceof ConfigurationError && error.code === "SLURM_NO_LIMIT",
  );
});

test("no Slurm is a configuration error; a controller that is down is not", { skip }, async () => {
  const none = new SlurmQueue(new LocalRunner({ HOME: home, PATH: join(home, "nothing") }), root);
  // Without a shell on the path not even the script can run; with the shell alone, Slurm is what is missing.
  await assert.rejects(none.handshake());
  const bin = join(home, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "env"), '#!/bin/sh\nshift\nexec /usr/bin/env -i "$@"\n', { mode: 0o755 });
  writeFileSync(join(bin, "sh"), '#!/bin/sh\nexec /bin/sh "$@"\n', { mode: 0o755 });
  const missing = new SlurmQueue(new LocalRunner({ HOME: home, PATH: bin }), root);
  await assert.rejects(
    missing.handshake(),
    (error: unknown) => error instanceof ConfigurationError && error.code === "SLURM_MISSING",
  );
  const { env } = cluster.runner;
  const config = join(home, "down.conf");
  const text = readFileSync(env["SLURM_CONF"] ?? "", "utf8").replace(/^SlurmctldPort=.*/m, "SlurmctldPort=1");
  writeFileSync(config, `${text}MessageTimeout=1\n`);
  const down = new SlurmQueue(new LocalRunner({ ...env, SLURM_CONF: config }), root);
  await assert.rejects(
    down.poll(),
    (error: unknown) => error instanceof UnavailableError && error.code === "SLURM_AWAY",
  );
});

const identity = {
  uuid: "2da7f38d-3635-4106-a75b-88f42968786b",
  group: "p2",
  label: "range:binance/futures-um/BTCUSDT@250:2024#1~ab",
  createdAt: "2026-11-26T01:48:20.398Z",
};

test("any label goes through a job's name and back, without a space or a bar in it", () => {
  for (const label of [identity.label, "", "a b|c\n'\"%41é\0", "/"]) {
    const text = formatIdentity({ ...identity, label });
    assert.match(text, /^barkeep\/1\/[^\s|]+$/);
    assert.deepEqual(parseIdentity(text), { ...identity, label });
  }
  assert.equal(parseIdentity("someone's job"), undefined);
});

function stateOf(text: string): TaskState | undefined {
  const tasks = parsePoll(text, "h");
  assert.equal(tasks.length, 1);
  return tasks[0]?.state;
}

test("accounts tell of jobs that Slurm holds no more; an unknown state is loud; others' jobs are left out", () => {
  const name = formatIdentity(identity);
  const account = (state: string, exit: string): string =>
    `zone|+0000\njob|8|RUNNING|None|1795657702|N/A|someone's\naccount|7|${state}|${exit}|1795657702|1795657703|${name}`;
  const times = { startedAt: "2026-11-26T01:48:22.000Z", endedAt: "2026-11-26T01:48:23.000Z" };
  const table: [string, string, unknown][] = [
    ["COMPLETED", "0:0", { kind: "success" }],
    ["FAILED", "7:0", { kind: "failed", code: 7 }],
    ["FAILED", "0:9", { kind: "killed" }],
    ["OUT_OF_MEMORY", "0:125", { kind: "out-of-memory" }],
    ["CANCELLED by 1000", "0:15", { kind: "killed" }],
    ["TIMEOUT", "0:1", { kind: "errored", reason: "Slurm's time limit ended it" }],
    ["NODE_FAIL", "1:0", { kind: "errored", reason: "its node failed" }],
  ];
  for (const [state, exit, outcome] of table) {
    assert.deepEqual(stateOf(account(state, exit)), { kind: "done", outcome, ...times }, state);
  }
  // What Slurm holds now wins over its accounts.
  const running = `job|7|RUNNING|None|1795657702|N/A|${name}\n${account("COMPLETED", "0:0")}`;
  assert.deepEqual(stateOf(running), { kind: "running", startedAt: times.startedAt });
  const complete = `JobId=7 Name=${name} JobState=COMPLETED StartTime=2026-11-26T02:48:22 EndTime=2026-11-26T02:48:23 ExitCode=0:0 `;
  const inZone = stateOf(`zone|+0100\ncomplete|${complete}`);
  assert.deepEqual(inZone, { kind: "done", outcome: { kind: "success" }, ...times });
  assert.throws(
    () => stateOf(account("DREAMING", "0:0")),
    (error: unknown) => error instanceof UnavailableError && error.code === "QUEUE_UNKNOWN_STATE",
  );
});
