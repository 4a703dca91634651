import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { ConfigurationError, UnavailableError, type Failure } from "../../lib/model/errors.ts";
import { readEvidence, type JobEvidence } from "../../lib/queue/evidence.ts";
import { explainState } from "../../lib/queue/explain.ts";
import { jobGroups } from "../../lib/model/groups.ts";
import { jobFolder } from "../../lib/queue/job-files.ts";
import { PueueQueue } from "../../lib/queue/pueue/queue.ts";
import { parseStatus } from "../../lib/queue/pueue/schema.ts";
import type { QueueJob, TaskIdentity } from "../../lib/queue/queue.ts";
import { reconcile } from "../../lib/queue/reconcile.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";
import { LocalRunner } from "../rig/local-runner.ts";
import { PueueDaemon, skipWithoutPueue } from "../rig/pueue.ts";
import { eventually, outcomeOf, shellJob, taskOf, until } from "./tasks.ts";

const skip = skipWithoutPueue;
const secret = "sesame-7f3c91";
const home = temporaryFolder("pueue");
let daemon: PueueDaemon;
let queue: PueueQueue;

before(async () => {
  if (skip !== false) return;
  daemon = await PueueDaemon.start(home, { CLICKHOUSE_PASSWORD: secret });
  queue = new PueueQueue(daemon.runner);
});
after(async () => {
  if (skip === false) await daemon[Symbol.asyncDispose]();
});
const isRefusal = (error: unknown): boolean => error instanceof ConfigurationError && error.code === "BAD_PARALLEL";

beforeEach(async () => {
  if (skip !== false) return;
  await daemon.reset();
  await queue.ensureGroups(jobGroups);
});

/** A job with its supervisor, as it is queued in earnest. */
function supervised(label: string, script: string): QueueJob {
  const files = ["--job-folder", jobFolder(home, label), "--units-folder", join(home, "units")];
  const supervise = [
    join(projectRoot, "bin/supervise.mjs"),
    "--label",
    label,
    "--unit",
    `unit-${label}`,
    ...files,
    "--",
  ];
  return job(label, "", { argv: [process.execPath, ...supervise, "sh", "-c", script] });
}

async function evidenceOf(label: string): Promise<JobEvidence> {
  const evidence = (await readEvidence(daemon.runner, home, [label])).get(label);
  assert.ok(evidence !== undefined);
  return evidence;
}

function job(label: string, script: string, given: Partial<QueueJob> = {}): QueueJob {
  return shellJob(home, label, script, given);
}

test("S-16: pueue 4 is shaken hands with", { skip }, async () => {
  assert.match((await queue.handshake()).version, /^4\.\d+\.\d+$/);
});

test("a job that comes after another waits for its good end, and says so meanwhile", { skip }, async () => {
  const gate = join(home, "after-gate");
  const after = { after: ["first"] };
  const answers = await queue.enqueue([
    job("first", `until [ -e ${gate} ]; do sleep 0.02; done`),
    job("second", "true", after),
    job("wrong", "exit 1"),
    job("never", "true", { after: ["wrong"] }),
  ]);
  assert.deepEqual(
    answers.map(({ outcome }) => outcome),
    ["added", "added", "added", "added"],
  );
  assert.deepEqual(outcomeOf(await until(queue, "never", "done")), { kind: "dependency-failed" });
  const first = await taskOf(queue, "first");
  assert.deepEqual((await taskOf(queue, "second")).awaits, [first.number]);
  writeFileSync(gate, "");
  assert.deepEqual(outcomeOf(await until(queue, "second", "done")), { kind: "success" });
});

test("groups are made with their limits, and a limit is never 0", { skip }, async () => {
  await queue.ensureGroups([{ name: "p1", parallel: 6 }]);
  await queue.setParallel("p2", 5);
  const { groups } = await queue.poll();
  const parallel = Object.fromEntries(groups.map((group) => [group.name, group.parallel]));
  assert.deepEqual(parallel, { default: 1, p1: 6, p2: 5, p3: 3, px: 2 });
  await assert.rejects(queue.setParallel("p2", 0), isRefusal);
  await assert.rejects(queue.ensureGroups([{ name: "p9", parallel: 0 }]), isRefusal);
  await daemon.pueue("parallel", "--group=p3", "0");
  assert.equal((await queue.poll()).groups.find(({ name }) => name === "p3")?.parallel, "unlimited");
});

test("every state that can be brought about is read as what it is", { skip }, async () => {
  await queue.setParallel("p2", 8);
  const gone = join(home, "gone");
  mkdirSync(gone);
  await daemon.pueue("add", "--stashed", "--label=spawn", `--working-directory=${gone}`, "--group=p2", "true");
  rmdirSync(gone);
  await daemon.pueue("enqueue", (await taskOf(queue, "spawn")).number);
  await queue.enqueue([
    job("success", "true"),
    job("failed", "exit 7"),
    job("killed", "kill -9 $$"),
    job("running", "sleep 60"),
    job("stopped", "sleep 60"),
  ]);
  await until(queue, "failed", "done");
  await daemon.pueue("add", "--label=after", "--group=p2", `--after=${(await taskOf(queue, "failed")).number}`, "true");
  await daemon.pueue("add", "--label=stashed", "--group=p2", "--stashed", "true");
  await daemon.pueue("add", "--label=later", "--group=p2", "--delay=1h", "true");
  await daemon.pueue("add", "--label=edited", "--group=p2", "--stashed", "true");
  await until(queue, "stopped", "running");
  await daemon.pueue("pause", (await taskOf(queue, "stopped")).number);
  await daemon.pueue("pause", "--group=p1");
  await queue.enqueue([job("queued", "true", { group: "p1" })]);
  const { env } = daemon.runner;
  const editor = spawn("pueue", ["edit", (await taskOf(queue, "edited")).number], {
    env: { ...env, EDITOR: "sleep 60 #" },
    stdio: "ignore",
    detached: true,
  });
  for (const label of ["spawn", "success", "killed", "after"]) await until(queue, label, "done");
  await until(queue, "stopped", "paused");
  await until(queue, "edited", "locked");

  assert.deepEqual(outcomeOf(await taskOf(queue, "success")), { kind: "success" });
  assert.deepEqual(outcomeOf(await taskOf(queue, "failed")), { kind: "failed", code: 7 });
  assert.deepEqual(outcomeOf(await taskOf(queue, "killed")), { kind: "killed" });
  assert.deepEqual(outcomeOf(await taskOf(queue, "after")), { kind: "dependency-failed" });
  const spawned = await taskOf(queue, "spawn");
  assert.equal(spawned.state.kind === "done" && spawned.state.outcome.kind, "failed-to-spawn");
  assert.equal((await taskOf(queue, "running")).state.kind, "running");
  assert.equal((await taskOf(queue, "queued")).state.kind, "queued");
  assert.deepEqual((await taskOf(queue, "stashed")).state, { kind: "stashed", startAt: undefined });
  const later = (await taskOf(queue, "later")).state;
  assert.ok(later.kind === "stashed" && later.startAt !== undefined && Date.parse(later.startAt) > Date.now());
  assert.equal((await queue.poll()).groups.find(({ name }) => name === "p1")?.status, "paused");
  process.kill(-(editor.pid ?? 0), "SIGKILL");
});

test("S-17: labels, folders and arguments are passed literally", { skip }, async () => {
  const directory = join(home, 'it\'s a && "folder" $HOME\nof two lines; é');
  mkdirSync(directory);
  const odd = ["a b", "it's", '"', "&& touch bad", "$(id)", "`id`", "two\nlines", "é", "", "-x", "\\", "*"];
  const labels = [...odd.filter(Boolean), "BTCUSDT@250+1000:2024#1~0f9c"];
  const script = `printf '<%s>' "$@" >"out $0"`;
  const jobs = labels.map((label, i) => job(label, "", { argv: ["sh", "-c", script, String(i), ...odd], directory }));
  await queue.setParallel("p2", 12);
  const added = await queue.enqueue(jobs);
  assert.deepEqual(
    added.map(({ task }) => task.label),
    labels,
  );
  for (const [i, label] of labels.entries()) {
    assert.deepEqual(outcomeOf(await until(queue, label, "done")), { kind: "success" }, label);
    assert.equal(readFileSync(join(directory, `out ${i}`), "utf8"), odd.map((word) => `<${word}>`).join(""));
  }
  assert.equal(existsSync(join(directory, "bad")), false);
  const error = await queue.enqueue([job("nul", "", { argv: ["echo", "a\0b"] })]).catch((cause: unknown) => cause);
  assert.ok(error instanceof ConfigurationError && error.code === "BAD_ARGUMENT");
});

test("a job that is there and not done is not added again, and the answer says so", { skip }, async () => {
  const label = "BTCUSDT@250:2024#1~0f9c";
  const other = "BTCUSDT@250:2024#2~aaaa";
  const [first, twin] = await queue.enqueue([job(label, "sleep 60"), job(label, "sleep 60")]);
  assert.equal(first?.outcome, "added");
  assert.deepEqual(twin, { outcome: "already", task: first.task, state: "queued" });
  await until(queue, label, "running");
  const [again, next] = await queue.enqueue([job(label, "true"), job(other, "true")]);
  assert.deepEqual(again, { outcome: "already", task: first.task, state: "running" });
  assert.deepEqual(next, { outcome: "already", task: first.task, state: "running" });
  assert.deepEqual(await queue.cancel([first.task], "kill"), [first.task]);
  await until(queue, label, "done");
  assert.equal((await queue.enqueue([job(other, "true")]))[0]?.outcome, "added");
});

test("150 jobs are added in one session after one look, in their order", { skip }, async () => {
  await daemon.pueue("pause", "--group=p2");
  const jobs = Array.from({ length: 150 }, (_, i) =>
    job(`SYM${i}@250:2024#1~ab`, "true", {
      files: [{ path: join(home, "jobs", `${i}`, "settings.json"), text: "{}" }],
    }),
  );
  daemon.runner.calls.length = 0;
  const added = await queue.enqueue(jobs);
  assert.equal(daemon.runner.calls.length, 2);
  assert.ok(added.every(({ outcome }) => outcome === "added"));
  const { tasks } = await queue.poll();
  assert.equal(tasks.length, 150);
  assert.deepEqual(
    tasks.toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1)).map(({ label }) => label),
    jobs.map(({ label }) => label),
  );
  assert.equal(statSync(join(home, "jobs", "149", "settings.json")).mode & 0o777, 0o600);
});

test("no secret is in the queue's state, its answers, its arguments or its logs", { skip }, async () => {
  const path = join(home, "jobs", "secret", "settings.json");
  const files = [{ path, text: `{"password":"${secret}","it's":"\\n%s"}` }];
  await queue.enqueue([job("env", "env; cat /proc/$$/cmdline", { files })]);
  const task = await until(queue, "env", "done");
  assert.equal(readFileSync(path, "utf8"), files[0]?.text);
  const printed = await queue.logs(task, 1000);
  assert.match(printed, /^HOME=/m);
  const names = printed.split("\n").flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
  const known = ["HOME", "PATH", "PUEUE_CONFIG_PATH", "PUEUE_GROUP", "PUEUE_WORKER_ID", "PWD"];
  assert.deepEqual(names.sort(), known);
  for (const text of [printed, daemon.state, await daemon.pueue("status", "--json")]) {
    assert.equal(text.includes(secret), false);
  }
  // The state does hold an environment: had it been the caller's, the secret would be there.
  await daemon.pueue("add", "--label=careless", "--stashed", "true");
  assert.equal(daemon.state.includes(secret), true);
});

test(
  "a task is known by its label and time, not by its number, which another gets after a clean",
  { skip },
  async () => {
    await queue.enqueue([job("one", "true")]);
    const one = await until(queue, "one", "done");
    await queue.clean([one]);
    await queue.enqueue([job("two", "sleep 60")]);
    const two = await until(queue, "two", "running");
    assert.equal(two.number, one.number);
    assert.deepEqual(await queue.cancel([one], "kill"), []);
    assert.equal((await taskOf(queue, "two")).state.kind, "running");
    await assert.rejects(
      queue.logs(one, 10),
      (error: unknown) => error instanceof UnavailableError && error.code === "TASK_GONE",
    );
  },
);

test(
  "clean forgets what succeeded of the tasks that are named and keeps failures, whose output can be read",
  { skip },
  async () => {
    await queue.enqueue([
      job("good", "true"),
      job("part", "true"),
      job("bad", "echo one; echo two >&2; echo three; exit 3"),
    ]);
    const bad = await until(queue, "bad", "done");
    const good = await until(queue, "good", "done");
    await until(queue, "part", "done");
    assert.equal(await queue.clean([good, bad]), 1);
    assert.deepEqual(labelsOf((await queue.poll()).tasks), ["bad", "part"]);
    assert.equal(await queue.logs(bad, 2), "two\nthree");
    assert.equal(await queue.clean([good]), 0);
  },
);

test("clean keeps what others come after that have not ended, and counts it not as forgotten", { skip }, async () => {
  await queue.setParallel("p2", 1);
  await queue.enqueue([job("first", "true"), job("second", "sleep 60", { after: ["first"] }), job("other", "true")]);
  const first = await until(queue, "first", "done");
  const second = await until(queue, "second", "running");
  await queue.setParallel("p2", 2);
  const other = await until(queue, "other", "done");
  assert.equal(await queue.clean([first, other]), 1);
  assert.deepEqual(labelsOf((await queue.poll()).tasks), ["first", "second"]);
  await queue.cancel([second], "kill");
  await until(queue, "second", "done");
  assert.equal(await queue.clean([first]), 1);
});

test("cancel: what waits is taken out, what runs is asked or killed, what is done stays", { skip }, async () => {
  const ready = ["asked", "shot"].map((name) => join(home, `${name}.ready`));
  const [asks, shoots] = ready.map((file) => `trap 'exit 130' TERM; : >${file}; while :; do sleep 0.05; done`);
  assert.ok(asks !== undefined && shoots !== undefined);
  await queue.enqueue([job("asked", asks), job("shot", shoots), job("waits", "true"), job("waits too", "true")]);
  await until(queue, "asked", "running");
  await until(queue, "shot", "running");
  await eventually("they listen", () => ready.every((file) => existsSync(file)));
  const tasks = Object.fromEntries((await queue.poll()).tasks.map((task) => [task.label, task]));
  const { asked, shot, waits } = tasks;
  assert.ok(asked !== undefined && shot !== undefined && waits !== undefined);
  assert.equal((await queue.cancel([asked, waits], "stop")).length, 2);
  assert.deepEqual(outcomeOf(await until(queue, "asked", "done")), { kind: "failed", code: 130 });
  await queue.cancel([shot], "kill");
  assert.deepEqual(outcomeOf(await until(queue, "shot", "done")), { kind: "killed" });
  assert.deepEqual(await queue.cancel([asked, shot, waits], "kill"), []);
  const labels = (await queue.poll()).tasks.map(({ label }) => label);
  assert.deepEqual(labels.sort(), ["asked", "shot", "waits too"]);
});

function labelsOf(tasks: readonly TaskIdentity[]): string[] {
  return tasks.map(({ label }) => label).sort();
}

test("cancel: one that waits and that others come after goes with them, and not without them", { skip }, async () => {
  await queue.pauseGroup("p2");
  await queue.enqueue([job("first", "true"), job("second", "true", { after: ["first"] }), job("other", "true")]);
  const [first, second, other] = (await queue.poll()).tasks;
  assert.ok(first !== undefined && second !== undefined && other !== undefined);
  assert.deepEqual(labelsOf(await queue.cancel([first, other], "kill")), ["other"]);
  assert.deepEqual(labelsOf((await queue.poll()).tasks), ["first", "second"]);
  assert.deepEqual(labelsOf(await queue.cancel([first, second], "stop")), ["first", "second"]);
  assert.deepEqual(labelsOf((await queue.poll()).tasks), []);
});

test(
  "S-15: after kill -9 of pueued its jobs run on, its groups are paused, and one command resumes",
  { skip },
  async () => {
    await queue.setParallel("p2", 1);
    const flag = join(home, "go on");
    await queue.enqueue([
      supervised("long", `while ! [ -e '${flag}' ]; do sleep 0.05; done; exit 9`),
      job("next", "true"),
    ]);
    await until(queue, "long", "running");
    await eventually("a worker", async () => (await evidenceOf("long")).record?.workerPid);
    await daemon.kill();
    const away = await queue.poll().catch((error: unknown) => error);
    assert.ok(away instanceof UnavailableError && away.code === "PUEUE_AWAY", String(away));
    await daemon.restart();

    const long = await taskOf(queue, "long");
    assert.deepEqual(outcomeOf(long), { kind: "killed" });
    const running = reconcile(long.state, await evidenceOf("long"));
    assert.deepEqual(running, { kind: "running", unattended: true });
    const { groups } = await queue.poll();
    const group = groups.find(({ name }) => name === "p2");
    assert.equal(group?.status, "paused");
    assert.match(explainState("pueue", long, group, running).text, /it runs, although/);
    const next = await taskOf(queue, "next");
    const explained = explainState("pueue", next, group, reconcile(next.state, await evidenceOf("next")));
    assert.match(explained.text, /p2 is paused/);

    writeFileSync(flag, "");
    const result = await eventually("its end", async () => {
      const where = reconcile(long.state, await evidenceOf("long"));
      assert.ok(where.kind === "running" || where.kind === "finished", where.kind);
      return where.kind === "finished" ? where.result : undefined;
    });
    assert.equal(result.exitCode, 9);
    // The command that the explanation names, as a person would type it.
    const { code } = await daemon.runner.exec(["sh", "-c", explained.fix ?? "false"], { cwd: "/", input: "" });
    assert.equal(code, 0);
    assert.deepEqual(outcomeOf(await until(queue, "next", "done")), { kind: "success" });
  },
);

test("S-15: after a reboot a job that ran is lost, and goes on by the command that is named", { skip }, async () => {
  await daemon.pueue("pause", "--group=p3");
  await queue.enqueue([supervised("rebooted", "sleep 60"), job("waiting", "true", { group: "p3" })]);
  await until(queue, "rebooted", "running");
  await eventually("a worker", async () => (await evidenceOf("rebooted")).record?.workerPid);
  const { record } = await evidenceOf("rebooted");
  await daemon.kill();
  for (const pid of [record?.pid, record?.workerPid]) process.kill(pid ?? 0, "SIGKILL");
  await daemon.restart();
  const task = await taskOf(queue, "rebooted");
  const where = reconcile(task.state, await evidenceOf("rebooted"));
  assert.equal(where.kind, "lost");
  const { fix } = explainState("pueue", task, undefined, where);
  await queue.resumeGroup("p3");
  assert.deepEqual(outcomeOf(await until(queue, "waiting", "done")), { kind: "success" });
  assert.equal((await daemon.runner.exec(["sh", "-c", fix ?? "false"], { cwd: "/", input: "" })).code, 0);
  await until(queue, "rebooted", "running");
});

test("what pueue refuses is told apart from a pueue that is away", { skip }, async () => {
  for (const [one, text] of [
    [job("x", "true", { group: "nope" }), /Group nope doesn't exist/],
    [job("y", "true", { directory: "/nowhere" }), /working directory path/],
  ] as const) {
    const error = await queue.enqueue([one]).catch((cause: unknown) => cause);
    assert.ok(error instanceof UnavailableError && error.code === "PUEUE_FAILED", String(error));
    assert.match(error.message, text);
  }
});

/** A program called pueue, first on the path, that answers so. */
function fakePueue(name: string, version: string, status: string): PueueQueue {
  const folder = join(home, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "status.json"), status);
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo "${version}"; else cat '${folder}/status.json'; fi\n`;
  writeFileSync(join(folder, "pueue"), script, { mode: 0o755 });
  return new PueueQueue(new LocalRunner({ HOME: home, PATH: `${folder}:/usr/bin:/bin` }));
}

const oldTask = {
  id: 0,
  command: "true",
  path: "/",
  envs: {},
  group: "default",
  dependencies: [],
  label: "BTCUSDT@250",
  created_at: "2024-01-01T00:00:00.5+01:00",
  start: "2024-01-01T00:00:00+01:00",
  end: null,
};
const group = { status: "Running", parallel_tasks: 1 };

test("S-16: pueue 3, a shape of its time, none at all, and no daemon are four different answers", async () => {
  const shape = JSON.stringify({ tasks: { 0: { ...oldTask, status: "Running" } }, groups: { default: group } });
  const cases: [string, PueueQueue, typeof Failure, string, RegExp][] = [
    [
      "v3",
      fakePueue("v3", "pueue 3.4.1", shape),
      ConfigurationError,
      "PUEUE_VERSION",
      /is 3\.4\.1; barkeep works with pueue 4/,
    ],
    ["v3 behind a 4", fakePueue("mixed", "pueue 4.0.4", shape), ConfigurationError, "PUEUE_SHAPE", /"Running"/],
    ["another program", fakePueue("other", "hello", "{}"), ConfigurationError, "PUEUE_VERSION", /says "hello"/],
    [
      "missing",
      new PueueQueue(new LocalRunner({ HOME: "/nowhere", PATH: "/usr/bin:/bin" })),
      ConfigurationError,
      "PUEUE_MISSING",
      /not installed on rig/,
    ],
  ];
  for (const [what, one, kind, code, message] of cases) {
    const error = await one.handshake().catch((cause: unknown) => cause);
    assert.ok(error instanceof kind, `${what}: ${String(error)}`);
    assert.equal(error.code, code, what);
    assert.match(error.message, message);
    assert.ok(error.hint !== undefined, what);
  }
});

test("S-16: a daemon that is not there is unavailable, not a configuration error", { skip }, async () => {
  const { env } = daemon.runner;
  const config = join(home, "nobody.yml");
  const socket = {
    use_unix_socket: true,
    unix_socket_path: join(home, "nobody.sock"),
    pueue_directory: join(home, "no"),
  };
  writeFileSync(config, JSON.stringify({ shared: socket, client: {}, daemon: {} }));
  const nobody = new PueueQueue(new LocalRunner({ ...env, PUEUE_CONFIG_PATH: config }));
  for (const call of [() => nobody.handshake(), () => nobody.poll(), () => nobody.enqueue([job("x", "true")])]) {
    const error = await call().catch((cause: unknown) => cause);
    assert.ok(error instanceof UnavailableError && error.code === "PUEUE_AWAY", String(error));
  }
});

test("an unknown state of a task, a result or a group is loud, and so is another shape", () => {
  const at = "2024-01-01T00:00:00Z";
  const done = { enqueued_at: at, start: at, end: at };
  const withStatus = (status: unknown): string =>
    JSON.stringify({ tasks: { 0: { ...oldTask, status } }, groups: { default: group } });
  for (const status of [
    "Running",
    { Dreaming: {} },
    { Running: { start: at } },
    { Running: { enqueued_at: at, start: "yesterday" } },
    { Queued: { enqueued_at: at }, Running: { enqueued_at: at, start: at } },
    { Done: { ...done, result: "Vanished" } },
    { Done: { ...done, result: { Failed: "7" } } },
    null,
  ]) {
    assert.throws(
      () => parseStatus(withStatus(status), "h"),
      (error: unknown) => error instanceof UnavailableError && error.code === "QUEUE_UNKNOWN_STATE",
      JSON.stringify(status),
    );
  }
  const odd = JSON.stringify({ tasks: {}, groups: { p1: { ...group, status: "Dozing" } } });
  assert.throws(
    () => parseStatus(odd, "h"),
    (error: unknown) => error instanceof UnavailableError && error.code === "QUEUE_UNKNOWN_STATE",
  );
  for (const text of ["", "{}", "[]", "not json", '{"tasks":{},"groups":{"p1":{"status":"Running"}}}']) {
    assert.throws(
      () => parseStatus(text, "h"),
      (error: unknown) => error instanceof UnavailableError && error.code === "QUEUE_SHAPE",
      text,
    );
  }
  const fine = parseStatus(
    withStatus({ Running: { enqueued_at: at, start: "2024-07-01T05:30:00.123456789+05:30" } }),
    "h",
  );
  assert.equal(fine.tasks[0]?.createdAt, "2023-12-31T23:00:00.5Z");
  assert.deepEqual(fine.tasks[0]?.state, { kind: "running", startedAt: "2024-07-01T00:00:00.123456789Z" });
});
