import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { execa } from "execa";
import { z } from "zod";
import { ConfigurationError, UnavailableError } from "../../lib/model/errors.ts";
import { LocalQueue } from "../../lib/queue/local/queue.ts";
import { jobFolder } from "../../lib/queue/job-files.ts";
import type { QueueJob } from "../../lib/queue/queue.ts";
import { processStart } from "../../lib/store/embedded/process-identity.ts";
import { projectRoot, temporaryFolder } from "../ops/run.ts";
import { eventually, outcomeOf, shellJob, taskOf, until } from "./tasks.ts";

let home: string;
let queue: LocalQueue;

beforeEach(() => {
  home = temporaryFolder("local-queue");
  queue = new LocalQueue(join(home, "queue"));
});

function job(label: string, script: string, given: Partial<QueueJob> = {}): QueueJob {
  return shellJob(home, label, script, { group: "p1", ...given });
}

const recordSchema = z.object({ pid: z.number() });

/** The process that runs the queue; undefined when there is none. */
function runnerPid(): number | undefined {
  const folder = join(home, "queue", "runner");
  try {
    const file = readdirSync(folder).find((name) => name.endsWith(".json"));
    return file === undefined
      ? undefined
      : recordSchema.parse(JSON.parse(readFileSync(join(folder, file), "utf8"))).pid;
  } catch (error) {
    // One that ends takes its mark away, between any two steps.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function killRunner(): Promise<void> {
  const pid = runnerPid();
  assert.ok(pid !== undefined);
  process.kill(pid, "SIGKILL");
  await eventually("its end", () => processStart(pid) === undefined);
}

test("S-16: with nothing installed jobs run, as many at a time as their group says, and each end is told apart", async () => {
  assert.match((await queue.handshake()).version, /^\d+\.\d+\.\d+$/);
  await queue.ensureGroups([{ name: "p1", parallel: 2 }]);
  const log = join(home, "log");
  // The first waits for the second: they run at the same time, or not at all.
  const both = `until [ "$(grep -c in ${log})" -ge 2 ]; do sleep 0.02; done`;
  const noted = `echo in >>${log}; ${both}; sleep 0.3; echo out >>${log}`;
  await queue.enqueue([
    ...["a", "b", "c", "d"].map((label) => job(label, noted)),
    job("failed", "echo one; echo two >&2; exit 7"),
    job("killed", "kill -9 $$"),
    job("spawn", "", { argv: ["/nowhere/at all"] }),
  ]);
  for (const label of ["a", "b", "c", "d"]) {
    assert.deepEqual(outcomeOf(await until(queue, label, "done")), { kind: "success" });
  }
  const failed = await until(queue, "failed", "done");
  assert.deepEqual(outcomeOf(failed), { kind: "failed", code: 7 });
  assert.equal(await queue.logs(failed, 1), "two");
  assert.deepEqual(outcomeOf(await until(queue, "killed", "done")), { kind: "killed" });
  const { state } = await until(queue, "spawn", "done");
  assert.equal(state.kind === "done" && state.outcome.kind, "failed-to-spawn");
  let running = 0;
  let most = 0;
  for (const line of readFileSync(log, "utf8").trim().split("\n")) {
    running += line === "in" ? 1 : -1;
    most = Math.max(most, running);
  }
  assert.equal(most, 2);

  assert.equal(await queue.clean((await queue.poll()).tasks), 4);
  const labels = (await queue.poll()).tasks.map(({ label }) => label);
  assert.deepEqual(labels.sort(), ["failed", "killed", "spawn"]);
  // With nothing left to do the runner ends, and takes its mark away.
  await eventually("the end of the runner", () => runnerPid() === undefined);
});

test("jobs that come after another begin when it has ended well, and never where it has not, whoever runs the queue by then", async () => {
  await queue.ensureGroups([{ name: "p1", parallel: 4 }]);
  const log = join(home, "log");
  const gate = join(home, "gate");
  const waiting = `until [ -e ${gate} ]; do sleep 0.02; done; echo first >>${log}`;
  await queue.enqueue([
    job("first", waiting),
    job("second", `echo second >>${log}`, { after: ["first"] }),
    job("third", "true", { after: ["first", "second"] }),
    job("wrong", "exit 1"),
    job("never", `echo never >>${log}`, { after: ["wrong"] }),
  ]);
  await until(queue, "first", "running");
  assert.deepEqual(outcomeOf(await until(queue, "never", "done")), { kind: "dependency-failed" });
  const held = await taskOf(queue, "second");
  assert.equal(held.state.kind, "queued");
  assert.equal(held.awaits?.length, 1);
  await killRunner();
  writeFileSync(gate, "");
  // The next one takes up what runs; it does not hear how that ends, so it does not call it well.
  await queue.resumeGroup("p1");
  assert.deepEqual(outcomeOf(await until(queue, "second", "done")), { kind: "dependency-failed" });
  await queue.enqueue([job("4", `echo 4 >>${log}`), job("5", `echo 5 >>${log}`, { after: ["4"] })]);
  assert.deepEqual(outcomeOf(await until(queue, "5", "done")), { kind: "success" });
  assert.deepEqual(readFileSync(log, "utf8").trim().split("\n"), ["first", "4", "5"]);
});

test("the queue goes on when its caller has ended, and another caller sees it", async () => {
  const script = `import { LocalQueue } from ${JSON.stringify(join(projectRoot, "lib/queue/local/queue.ts"))};
const argv = ["sh", "-c", "sleep 0.5; env > env"];
const job = { label: "outlives", group: "p1", argv, directory: ${JSON.stringify(home)}, memoryBytes: 1, files: [] };
await new LocalQueue(${JSON.stringify(join(home, "queue"))}).enqueue([job]);
process.exit(0);`;
  const env = { CLICKHOUSE_PASSWORD: "sesame-7f3c91" };
  await execa(process.execPath, ["--input-type=module", "-e", script], { env });
  assert.deepEqual(outcomeOf(await until(queue, "outlives", "done")), { kind: "success" });
  const inherited = readFileSync(join(home, "env"), "utf8");
  assert.match(inherited, /^PATH=/m);
  assert.equal(inherited.includes("sesame"), false);
  const [file = ""] = readdirSync(join(home, "queue", "tasks"));
  assert.equal(statSync(join(home, "queue", "tasks", file)).mode & 0o777, 0o600);
  assert.equal(readFileSync(join(home, "queue", "tasks", file), "utf8").includes("sesame"), false);
});

test("S-15: a killed runner's jobs run on; what waits is shown as paused and one call resumes", async () => {
  const flag = join(home, "go on");
  await queue.enqueue([job("long", `while ! [ -e '${flag}' ]; do sleep 0.05; done`), job("next", "true")]);
  await until(queue, "long", "running");
  await killRunner();
  assert.equal((await queue.poll()).groups[0]?.status, "paused");
  assert.equal((await taskOf(queue, "next")).state.kind, "queued");
  await queue.resumeGroup("p1");
  await eventually("a runner", async () => (await queue.poll()).groups[0]?.status === "running");
  // It takes up the job that runs: the next one waits for its slot.
  await delay(300);
  assert.equal((await taskOf(queue, "next")).state.kind, "queued");
  writeFileSync(flag, "");
  assert.deepEqual(outcomeOf(await until(queue, "next", "done")), { kind: "success" });
  assert.equal(outcomeOf(await taskOf(queue, "long")) !== "running", true);
  const { state } = await taskOf(queue, "long");
  assert.equal(state.kind === "done" && state.outcome.kind, "errored");
});

test("S-17: labels, folders and arguments are passed literally", async () => {
  const directory = join(home, 'it\'s a && "folder"\nof two lines; é');
  mkdirSync(directory);
  const odd = ["a b", "it's", "&& touch bad", "two\nlines", ""];
  const label = odd.join("|");
  await queue.enqueue([job(label, "", { argv: ["sh", "-c", `printf '<%s>' "$@" >out`, "sh", ...odd], directory })]);
  assert.deepEqual(outcomeOf(await until(queue, label, "done")), { kind: "success" });
  assert.equal(readFileSync(join(directory, "out"), "utf8"), odd.map((word) => `<${word}>`).join(""));
});

test("a job that is there and not done is not added again; files are put in place first", async () => {
  const path = join(jobFolder(home, "x"), "settings.json");
  const label = "BTCUSDT@250:2024#1~0f9c";
  const [first] = await queue.enqueue([job(label, `cat '${path}'; sleep 60`, { files: [{ path, text: "{}" }] })]);
  assert.equal(first?.outcome, "added");
  const running = await until(queue, label, "running");
  const [again] = await queue.enqueue([job("BTCUSDT@250:2024#2~aaaa", "true")]);
  assert.deepEqual(again, { outcome: "already", task: first.task, state: "running" });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(await queue.cancel([running], "kill"), [first.task]);
  assert.deepEqual(outcomeOf(await until(queue, label, "done")), { kind: "killed" });
});

test("cancel: what waits is taken out, what runs is asked with its children, what is done stays", async () => {
  const ready = join(home, "ready");
  const trap = `trap 'exit 130' TERM; sh -c 'while :; do sleep 0.05; done' & : >${ready}; wait`;
  await queue.enqueue([job("asked", trap), job("waits", "true")]);
  const asked = await until(queue, "asked", "running");
  const waits = await taskOf(queue, "waits");
  await eventually("it listens", () => existsSync(ready));
  assert.equal((await queue.cancel([asked, waits, { label: "asked", createdAt: "then" }], "stop")).length, 2);
  assert.deepEqual(outcomeOf(await until(queue, "asked", "done")), { kind: "failed", code: 130 });
  assert.deepEqual(
    (await queue.poll()).tasks.map(({ label }) => label),
    ["asked"],
  );
  assert.deepEqual(await queue.cancel([asked], "kill"), []);
  await assert.rejects(
    queue.logs(waits, 1),
    (error: unknown) => error instanceof UnavailableError && error.code === "TASK_GONE",
  );
});

test("a limit is never 0, and a task file of another version is loud", async () => {
  await assert.rejects(
    queue.setParallel("p1", 0),
    (error: unknown) => error instanceof ConfigurationError && error.code === "BAD_PARALLEL",
  );
  await queue.handshake();
  writeFileSync(join(home, "queue", "tasks", "1-00000-abc.json"), '{"version":2}');
  await assert.rejects(
    queue.poll(),
    (error: unknown) => error instanceof UnavailableError && error.code === "QUEUE_UNKNOWN_STATE",
  );
});

test("a paused group starts nothing until it is resumed; a job that was stopped to make room goes before those that had not begun", async () => {
  await queue.ensureGroups([{ name: "p1", parallel: 1 }]);
  await queue.pauseGroup("p1");
  const log = join(home, "log");
  await queue.enqueue([job("new", `echo new >>${log}`), job("free", "true", { group: "p2" })]);
  await queue.enqueue([job("again", `echo again >>${log}`, { waitingSinceMs: Date.now() - 60_000 })]);
  await until(queue, "free", "done");
  const { groups } = await queue.poll();
  assert.equal(groups.find(({ name }) => name === "p1")?.status, "paused");
  assert.equal((await taskOf(queue, "new")).state.kind, "queued");
  await queue.resumeGroup("p1");
  await until(queue, "new", "done");
  assert.equal(readFileSync(log, "utf8"), "again\nnew\n");
});
