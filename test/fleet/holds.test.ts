import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { z } from "zod";
import type { FleetHost } from "../../lib/config/index.ts";
import { loadSettings, readEnvironment } from "../../lib/config/index.ts";
import { keepWord, memoryOf, tellHost, untoldWord } from "../../lib/fleet/drain-word.ts";
import type { OpenFleetHost } from "../../lib/fleet/fleet-host.ts";
import { holdGroup, letGroupGo } from "../../lib/fleet/holds.ts";
import {
  changeHostMemory,
  drainOf,
  nothingRemembered,
  readHostMemory,
  type Hold,
  type StoppedJob,
} from "../../lib/fleet/host-memory.ts";
import { keepStopped, readOlderNotes } from "../../lib/fleet/older-notes.ts";
import { resumeGroups, setUpGroups } from "../../lib/fleet/setup-groups.ts";
import { readScalerState } from "../../lib/fleet/scale/scaler-state.ts";
import { HostScaler } from "../../lib/fleet/scale/scale-host.ts";
import { sharePlaces } from "../../lib/fleet/share-places.ts";
import type { ExecOptions, ExecResult } from "../../lib/hosts/host.ts";
import { LocalHost } from "../../lib/hosts/local-host.ts";
import { openLedger, type Ledger } from "../../lib/ledger/index.ts";
import { RetryableError, type Failure } from "../../lib/model/errors.ts";
import { jobFolder } from "../../lib/queue/job-files.ts";
import type { Queue, QueueGroup, QueueTask, TaskIdentity } from "../../lib/queue/queue.ts";
import { processStart } from "../../lib/store/embedded/process-identity.ts";
import { temporaryFolder } from "../ops/run.ts";
import { FedHost } from "../rig/pressure.ts";

/** A queue of groups and tasks as a test has them. */
class TestQueue implements Queue {
  readonly kind = "pueue";
  readonly host = "here";
  readonly groups = new Map<string, QueueGroup>();
  tasks: readonly QueueTask[] = [];
  /** Labels of those that were ended. */
  readonly ended: string[] = [];
  /** Why none can be ended. */
  failure: Failure | undefined;
  /** Called behind each look, as another command that comes in between. */
  afterPoll: () => Promise<void> = async () => {};

  constructor(...names: readonly string[]) {
    for (const name of names) this.groups.set(name, { name, status: "running", parallel: 1 });
  }

  /** The groups that start jobs. */
  get open(): string[] {
    return [...this.groups.values()].filter(({ status }) => status === "running").map(({ name }) => name);
  }

  readonly #set = (name: string, change: Partial<QueueGroup>): void => {
    const group = this.groups.get(name);
    assert.ok(group !== undefined);
    this.groups.set(name, { ...group, ...change });
  };

  async handshake(): Promise<{ readonly version: string }> {
    return { version: "4" };
  }

  async ensureGroups(): Promise<void> {}

  async enqueue(): Promise<never[]> {
    return [];
  }

  async poll(): Promise<{ tasks: readonly QueueTask[]; groups: readonly QueueGroup[] }> {
    const seen = { tasks: this.tasks, groups: [...this.groups.values()] };
    await this.afterPoll();
    return seen;
  }

  async cancel(tasks: readonly TaskIdentity[]): Promise<readonly TaskIdentity[]> {
    if (this.failure !== undefined) throw this.failure;
    this.ended.push(...tasks.map(({ label }) => label));
    return tasks;
  }

  async setParallel(group: string, parallel: number): Promise<void> {
    this.#set(group, { parallel });
  }

  async pauseGroup(group: string): Promise<void> {
    this.#set(group, { status: "paused" });
  }

  async resumeGroup(group: string): Promise<void> {
    this.#set(group, { status: "running" });
  }

  async clean(): Promise<number> {
    return 0;
  }

  async logs(): Promise<string> {
    return "";
  }
}

/** A machine that cannot write down what is to be remembered of it. */
class FullHost extends LocalHost {
  isFull = true;

  override async exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const isWrite = this.isFull && /host-memory|stopped\.json/.test(String(options.input));
    if (!isWrite) return super.exec(argv, options);
    return { code: String(options.input).includes("host-memory") ? 1 : 73, signal: null, stdout: "", stderr: "full" };
  }
}

const path = process.env["PATH"] ?? "";
const fed = new FedHost();
let folder: string;
let ledger: Ledger;

beforeEach(() => {
  fed.feed({});
  process.env["PATH"] = `${fed.bin}${delimiter}${path}`;
  folder = temporaryFolder("holds");
  ledger = openLedger(join(folder, "state"));
});

afterEach(() => {
  ledger[Symbol.dispose]();
  process.env["PATH"] = path;
});

function hostOf(queue: Queue, jobsMax = 2, host = new LocalHost("here")): OpenFleetHost {
  const entry: FleetHost = {
    name: "here",
    sshAlias: undefined,
    directory: join(folder, "barkeep"),
    queue: "pueue",
    memoryMb: 8000,
    jobsMax,
    storeUrl: undefined,
    thresholds: undefined,
    services: [],
  };
  return { entry, host, queue, [Symbol.asyncDispose]: async () => {} };
}

/** Another command holds a group. */
async function hold(host: OpenFleetHost, group: string, why: Hold["why"], since = new Date()): Promise<void> {
  const held = { group, why, reason: "a test", since: since.toISOString() };
  await changeHostMemory(host, (memory) => ({ ...memory, holds: [...memory.holds, held] }));
  await host.queue.pauseGroup(group);
}

async function heldOf(host: OpenFleetHost): Promise<string[]> {
  return (await readHostMemory(host)).holds.map(({ group }) => group).sort();
}

/** Nothing is to be said. */
function unsaid(line: string): void {
  assert.fail(line);
}

const coming = [{ unit: "AAAUSDT@1000:2024", group: "p1", requestBytes: 1e8 }];

test("a hold of another command that came behind a look is not undone by what the look saw", async () => {
  const queue = new TestQueue("p1", "p2", "p3");
  const host = hostOf(queue, 12);
  await hold(host, "p1", "drained");
  await hold(host, "p3", "memory", new Date(Date.now() - 10 * 60_000));
  // Somebody let it go by hand.
  await queue.resumeGroup("p3");
  queue.afterPoll = async () => {
    queue.afterPoll = async () => {};
    await hold(host, "p2", "drained");
  };
  assert.deepEqual(await resumeGroups(host, ["p1"], ledger, false), ["p1"]);
  assert.deepEqual(
    [await heldOf(host), queue.open],
    [
      ["p2", "p3"],
      ["p1", "p3"],
    ],
  );

  queue.afterPoll = async () => {
    queue.afterPoll = async () => {};
    await hold(host, "p1", "drained");
  };
  const settings = loadSettings({ state: join(folder, "state") }, readEnvironment({ BARKEEP_SETTINGS: "off" }));
  const { failure } = await new HostScaler(host, true, settings, {}, ledger).step();
  assert.equal(failure, undefined);
  assert.ok((await heldOf(host)).includes("p1"), "it was held behind the look");
  assert.ok(!(await heldOf(host)).includes("p3"), "it was let go before");
});

test("a hold that somebody makes while the group is let go stays", async () => {
  const queue = new TestQueue("p2");
  const host = hostOf(queue);
  await hold(host, "p2", "memory", new Date(1000));
  const resume = queue.resumeGroup.bind(queue);
  queue.resumeGroup = async (group) => {
    await resume(group);
    await holdGroup(host, ledger, { group, why: "drained", reason: "another command" });
  };
  const { holds } = await readHostMemory(host);
  assert.equal(await letGroupGo(host, "p2", holds), false);
  assert.deepEqual([queue.open, await heldOf(host)], [[], ["p2"]]);
});

const drain = async (host: OpenFleetHost): Promise<unknown> =>
  changeHostMemory(host, (memory) => ({ ...memory, word: { isDrained: true, since: new Date().toISOString() } }));
const holdAnew = async (host: OpenFleetHost): Promise<void> =>
  holdGroup(host, ledger, { group: "p1", why: "memory", reason: "another command" });

/** Steps once where p1 is held and there is room for it. @returns the groups that start jobs then, and why p1 is held */
async function stepWhile(
  meanwhile: (host: OpenFleetHost) => Promise<unknown>,
  when: "behind the look" | "behind the first resume",
): Promise<{ readonly open: readonly string[]; readonly held: string | undefined }> {
  const queue = new TestQueue("p1", "p2", "p3");
  const host = hostOf(queue, 12);
  await changeHostMemory(host, () => nothingRemembered);
  await hold(host, "p1", "jobs_max", new Date(Date.now() - 10 * 60_000));
  if (when === "behind the look") {
    queue.afterPoll = async () => {
      queue.afterPoll = async () => {};
      await meanwhile(host);
    };
  } else {
    const resume = queue.resumeGroup.bind(queue);
    queue.resumeGroup = async (group) => {
      queue.resumeGroup = resume;
      // It notes its hold before the group is resumed, and would pause it before, too.
      await meanwhile(host);
      await resume(group);
    };
  }
  const settings = loadSettings({ state: join(folder, "state") }, readEnvironment({ BARKEEP_SETTINGS: "off" }));
  const { failure } = await new HostScaler(host, true, settings, {}, ledger).step();
  assert.equal(failure, undefined);
  const { holds } = await readHostMemory(host);
  return { open: queue.open, held: holds.find(({ group }) => group === "p1")?.reason };
}

test("what the autoscaler lets go stays where somebody has held it, or has drained the host, since its look", async () => {
  const none = await stepWhile(async () => {}, "behind the look");
  assert.deepEqual(none, { open: ["p1", "p2", "p3"], held: undefined });
  for (const when of ["behind the look", "behind the first resume"] as const) {
    assert.deepEqual(await stepWhile(holdAnew, when), { open: ["p2", "p3"], held: "another command" }, when);
    assert.deepEqual(await stepWhile(drain, when), { open: ["p2", "p3"], held: "a test" }, `drained ${when}`);
  }
});

test("a group that barkeep holds since the queue was asked is not resumed as one that somebody else has paused", async () => {
  const queue = new TestQueue("p1", "p2");
  const host = hostOf(queue, 12);
  await queue.pauseGroup("p2");
  await hold(host, "p1", "memory");
  queue.afterPoll = async () => {
    queue.afterPoll = async () => {};
    await holdGroup(host, ledger, { group: "p2", why: "drained", reason: "another command" });
  };
  assert.deepEqual(await resumeGroups(host, [], ledger, false), []);
  assert.deepEqual([queue.open, await heldOf(host)], [[], ["p1", "p2"]]);
});

test("memory is given back on a host that cannot write down what it is told, and the job goes on when it can", async () => {
  const queue = new TestQueue("p1", "p2");
  const machine = new FullHost("here");
  const host = hostOf(queue, 12, machine);
  const job = "AAAUSDT@250:2024";
  const label = `${job}#1~0f`;
  const createdAt = new Date(Date.now() - 60_000).toISOString();
  const state = { kind: "running", startedAt: createdAt } as const;
  queue.tasks = [{ label, createdAt, group: "p2", state, number: "0", memoryBytes: 1e8 }];
  const settings = loadSettings({ state: join(folder, "state") }, readEnvironment({ BARKEEP_SETTINGS: "off" }));
  const scaler = new HostScaler(host, true, settings, {}, ledger);
  fed.feed({ memoryFull: 60 });
  queue.failure = new RetryableError("lost", { code: "HOST_LOST", subject: "here" });
  assert.equal((await scaler.step()).failure?.code, "HOST_LOST");
  assert.equal(readScalerState(ledger, "here").killedAtMs, undefined, "nothing was killed");

  queue.failure = undefined;
  for (let look = 0; look < 2; look += 1) assert.equal((await scaler.step()).failure?.code, "HOST_WRITE");
  assert.equal(queue.ended[0], label);
  assert.notEqual(readScalerState(ledger, "here").killedAtMs, undefined);
  assert.deepEqual(
    [queue.open, (await readHostMemory(host)).holds],
    [["p1", "p2"], []],
    "no group is paused in nobody's name",
  );

  machine.isFull = false;
  queue.tasks = [{ label, createdAt, group: "p2", state, number: "0", memoryBytes: 1e8 }];
  assert.equal((await scaler.step()).failure, undefined);
  const { stopped } = await readHostMemory(host);
  assert.deepEqual(
    stopped.map((one) => [one.label, one.how]),
    [[label, "kill"]],
  );
  assert.deepEqual(queue.open, []);
});

test("what an older release noted in the ledger is the host's from the first look that changes something", async () => {
  const queue = new TestQueue("p1", "p2", "p3", "px");
  const host = hostOf(queue, 12);
  await hold(host, "p3", "memory");
  const since = new Date(Date.now() - 60_000).toISOString();
  const holdOf = (group: string): Hold => ({ group, why: "memory", reason: "an older release", since });
  await queue.pauseGroup("p2");
  const job = "AAAUSDT@250:2024";
  const stopped = { job, label: `${job}#1~0f`, createdAt: since, how: "kill", waitingSinceMs: 0 } as const;
  ledger.hostNotes.put("here", "holds", { version: 1, holds: ["p1", "p2", "p3"].map(holdOf) });
  ledger.hostNotes.put("here", "stopped", { version: 1, jobs: [stopped] });
  const { holds, stopped: jobs } = await tellHost(host, ledger, unsaid);
  assert.deepEqual(
    holds.map(({ group, reason }) => [group, reason]),
    [
      ["p3", "a test"],
      ["p2", "an older release"],
    ],
    "p1 was let go by a person, and p3 is held by who holds it now",
  );
  assert.deepEqual(jobs, [stopped]);
  for (const name of ["holds", "stopped"]) assert.equal(ledger.hostNotes.get("here", name, z.unknown()), undefined);
  // The group that the older release held is let go, as there is room.
  const settings = loadSettings({ state: join(folder, "state") }, readEnvironment({ BARKEEP_SETTINGS: "off" }));
  const { failure } = await new HostScaler(host, true, settings, {}, ledger).step();
  assert.equal(failure, undefined);
  assert.ok(queue.open.includes("p2"));
});

const at = (minutes: number): string => new Date(Date.UTC(2024, 0, 1, 12, minutes)).toISOString();

test("an older word of one operator does not undo a newer one of another, and it is said that it is dropped", async () => {
  const host = hostOf(new TestQueue("p2"));
  const drainedSince = async (): Promise<string | undefined> => drainOf(await readHostMemory(host))?.since;
  for (const isDrained of [true, false]) {
    const newer = { isDrained, since: at(5) };
    await changeHostMemory(host, (memory) => ({ ...memory, word: newer }));
    keepWord(ledger, "here", { isDrained: !isDrained, since: at(1) });
    assert.equal(drainOf(await memoryOf(host, ledger))?.since, isDrained ? at(5) : undefined);
    const said: string[] = [];
    await tellHost(host, ledger, (line) => said.push(line));
    assert.equal(await drainedSince(), isDrained ? at(5) : undefined);
    assert.match(
      said.join(),
      isDrained ? /the undrain of .*:01:.* is dropped: it was drained at/ : /the drain of .*dropped/,
    );
    assert.equal(untoldWord(ledger, "here"), undefined);
  }
  keepWord(ledger, "here", { isDrained: true, since: at(9) });
  await tellHost(host, ledger, unsaid);
  assert.equal(await drainedSince(), at(9), "a newer one holds");
});

function stoppedOf(job: string): StoppedJob {
  return { job, label: `${job}#1~0f`, createdAt: at(0), how: "kill", waitingSinceMs: 0 };
}

test("a job that is noted in the ledger while what was noted before is brought to the host stays noted", async () => {
  const [first, second] = [stoppedOf("AAAUSDT@250:2024"), stoppedOf("BBBUSDT@250:2024")];
  const machine = new LocalHost("here");
  const host = hostOf(new TestQueue("p2"), 2, machine);
  keepStopped(ledger, "here", first);
  const exec = machine.exec.bind(machine);
  machine.exec = async (argv, options) => {
    machine.exec = exec;
    const result = await exec(argv, options);
    keepStopped(ledger, "here", second);
    return result;
  };
  await tellHost(host, ledger, unsaid);
  assert.deepEqual((await readHostMemory(host)).stopped, [first]);
  assert.deepEqual(readOlderNotes(ledger, "here")?.stopped, [second]);
  await tellHost(host, ledger, unsaid);
  assert.deepEqual((await readHostMemory(host)).stopped, [first, second]);
  assert.equal(readOlderNotes(ledger, "here"), undefined);
});

test("a word that another command has brought to the host meanwhile, or that has changed, is not brought again", async () => {
  const host = hostOf(new TestQueue("p2"));
  const [first, second] = [new Date(1000).toISOString(), new Date(2000).toISOString()];
  keepWord(ledger, "here", { isDrained: true, since: first });
  // Between the look into the ledger and the change: the other command's undrain is told, and nothing is left to tell.
  const meanwhile: OpenFleetHost = {
    ...host,
    queue: Object.assign(new TestQueue("p2"), {
      afterPoll: async () => {
        ledger.hostNotes.remove("here", "drained");
        await changeHostMemory(host, (memory) => ({ ...memory, word: undefined }));
      },
    }),
  };
  ledger.hostNotes.put("here", "holds", { version: 1, holds: [] });
  await tellHost(meanwhile, ledger, unsaid);
  assert.equal(drainOf(await readHostMemory(host)), undefined);
  keepWord(ledger, "here", { isDrained: true, since: first });
  keepWord(ledger, "here", { isDrained: false, since: second });
  await tellHost(host, ledger, unsaid);
  assert.deepEqual((await readHostMemory(host)).word, { isDrained: false, since: second });
});

test("a group that somebody let go by hand is not said to be held", async () => {
  const queue = new TestQueue("p1", "p2", "p3", "px");
  const host = hostOf(queue, 12);
  await hold(host, "p1", "memory");
  await hold(host, "p2", "memory");
  await queue.resumeGroup("p1");
  const changes = await setUpGroups(host, ledger, true);
  assert.deepEqual(
    changes.filter(({ held }) => held !== undefined).map(({ name }) => name),
    ["p2"],
  );
});

type Trouble = "none" | "drained" | "held for memory" | "memory short";

/** The groups that start jobs once one of p1 was about to be queued, which is held for want of a place. */
async function sharedWith(trouble: Trouble): Promise<string[]> {
  const queue = new TestQueue("p1", "p2", "p3");
  const host = hostOf(queue);
  await hold(host, "p1", "jobs_max");
  if (trouble === "drained") {
    await changeHostMemory(host, (memory) => ({
      ...memory,
      word: { isDrained: true, since: new Date().toISOString() },
    }));
  }
  if (trouble === "held for memory") await hold(host, "p3", "memory");
  fed.feed(trouble === "memory short" ? { memoryFull: 20 } : {});
  await sharePlaces(host, coming, ledger);
  await changeHostMemory(host, () => ({ word: undefined, holds: [], stopped: [] }));
  return queue.open.sort();
}

test("jobs that are queued get a held group its place, but not on a drained host, nor while memory is short", async () => {
  assert.deepEqual(await sharedWith("none"), ["p1", "p3"]);
  assert.deepEqual(await sharedWith("drained"), ["p2", "p3"]);
  assert.deepEqual(await sharedWith("held for memory"), ["p2"]);
  assert.deepEqual(await sharedWith("memory short"), ["p2", "p3"]);
});

test("a job that the queue has lost sight of has its place", async () => {
  const queue = new TestQueue("p1", "p2");
  const host = hostOf(queue, 1);
  await hold(host, "p1", "jobs_max");
  const label = "BBBUSDT@250:2024#1~0f";
  const startedAt = new Date(Date.now() - 60_000).toISOString();
  const record = { version: 1, label, unit: "a test", host: "here", pid: process.pid, startedAt };
  const ofJob = jobFolder(host.entry.directory, label);
  mkdirSync(ofJob, { recursive: true });
  writeFileSync(join(ofJob, "pid.json"), JSON.stringify({ ...record, processStart: processStart(process.pid) }));
  const state = { kind: "done", outcome: { kind: "killed" }, startedAt, endedAt: startedAt } as const;
  queue.tasks = [{ label, createdAt: startedAt, group: "p2", state, number: "0", memoryBytes: 1e8 }];
  await sharePlaces(host, coming, ledger);
  assert.deepEqual(queue.open, ["p2"], "p1 would run beside it");
});
