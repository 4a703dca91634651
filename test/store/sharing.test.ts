import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { chmodSync, chownSync, readFileSync } from "node:fs";
import { ClientRequest } from "node:http";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { RetryableError } from "../../lib/model/errors.ts";
import { openStore } from "../../lib/store/store.ts";
import { barkeep, temporaryFolder, type Outcome } from "../ops/run.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { eventually } from "../queue/tasks.ts";
import { RunningCommand } from "../rig/command.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistryFile } from "../rig/registry.ts";
import { ServedStoreProcess } from "../rig/serve.ts";

const symbols = minimalRegistryFile();
const folder = new ArchiveFolder(temporaryFolder("sharing-archive"));
const firstDay = parseDay("2024-02-04");
const days = 35;
const thresholds = [5, 10, 20, 40, 80, 160];
/** What a clean run of each threshold ends with. */
let expected: readonly unknown[];

const statusSchema = z.object({
  series: z.array(
    z.object({ series: z.string(), digest: z.string(), bars: z.number(), days: z.number(), complete: z.boolean() }),
  ),
});
const ownerSchema = z.object({ pid: z.number(), url: z.string().optional(), command: z.string() });

before(async () => {
  folder.putWalk(firstDay, days, 1_000);
  const state = temporaryFolder("sharing-clean");
  const clean = await barkeep(populateWords(folder.root, state, ...thresholds));
  assert.equal(clean.code, 0, clean.stderr);
  expected = await seriesIn(state);
});

function populateWords(archive: string, state: string, ...thresholds: readonly number[]): string[] {
  const asked = ["--symbol", "BTCUSDT", ...thresholds.flatMap((one) => ["--threshold", `${one}`]), "--segment", "week"];
  const dates = ["--start-date", firstDay, "--end-date", addDays(firstDay, days - 1)];
  return ["populate", "--archive", archive, "--symbols", symbols, "--state", state, ...asked, ...dates];
}

function statusWords(state: string): string[] {
  return ["status", "--json", "--symbols", symbols, "--state", state];
}

async function seriesIn(state: string): Promise<readonly unknown[]> {
  const { code, stdout, stderr } = await barkeep(statusWords(state));
  assert.equal(code, 0, stderr);
  return statusSchema.parse(JSON.parse(stdout)).series;
}

function ownerOf(state: string): z.output<typeof ownerSchema> | undefined {
  try {
    return ownerSchema.parse(JSON.parse(readFileSync(join(state, "owner.json"), "utf8")));
  } catch (error) {
    // It may go between any two steps.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function until(isSo: () => boolean, runs: readonly RunningCommand[]): Promise<void> {
  while (!isSo()) {
    for (const run of runs) assert.equal(run.hasEnded, false, run.stderr);
    await delay(20);
  }
}

/** An archive whose last week is kept back, so that nobody who fills a store from it ends before, and a state directory that is not there yet. */
async function slowRig(name: string): Promise<SlowRig> {
  const archive = new ArchiveServer(folder.root);
  archive.delayMs = 50;
  const { promise, resolve } = Promise.withResolvers<void>();
  archive.holds.set(`${addDays(firstDay, days - 7)}.zip`, promise);
  const url = await archive.start();
  const state = join(temporaryFolder(name), "state");
  return { archive, url, state, letGo: resolve, [Symbol.asyncDispose]: async () => archive[Symbol.asyncDispose]() };
}

interface SlowRig extends AsyncDisposable {
  readonly archive: ArchiveServer;
  readonly url: string;
  readonly state: string;
  readonly letGo: () => void;
}

function askedFor(archive: ArchiveServer, behindDay: number): () => boolean {
  return () => archive.requestsFor(`${addDays(firstDay, behindDay)}.zip`) > 0;
}

/** Runs a command once, and over and over until `isOver`. */
async function loop(words: readonly string[], isOver: () => boolean, once: () => void): Promise<Outcome[]> {
  const outcomes = [await barkeep(words)];
  once();
  while (!isOver()) outcomes.push(await barkeep(words));
  return outcomes;
}

/** A populate of the whole archive tells of the days that it has put into the store. */
const hasBegun = /BTCUSDT: \d+\/35 days/;

test("a populate, exports and statuses in a loop share one state directory, and none is refused", async () => {
  await using rig = await slowRig("sharing-loop");
  const { archive, url, state, letGo } = rig;
  const run = new RunningCommand(populateWords(url, state, 5, 40));
  await until(askedFor(archive, 9), [run]);
  const owner = ownerOf(state);
  assert.equal(owner?.pid, run.child.pid);
  assert.match(owner?.url ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
  // A second owner is refused, and told whom to ask.
  const serve = await barkeep(["store", "serve", "--state", state]);
  assert.equal(serve.code, 4);
  const served = `it is served at ${owner?.url}`;
  assert.match(serve.stderr, new RegExp(`process ${run.child.pid} .*populate.*${served}.*\\(STORE_OWNED\\)`, "s"));
  const isOver = (): boolean => run.hasEnded;
  await eventually("something is committed", async () => {
    const { stdout } = await barkeep(statusWords(state));
    return statusSchema.parse(JSON.parse(stdout)).series.length === 2;
  });
  const exportWords = ["export-bars", "BTCUSDT@5", "--state", state];
  let looked = 0;
  /** The last week comes when both have looked. */
  const once = (): void => {
    looked += 1;
    if (looked === 2) letGo();
  };
  const [exports, statuses, code] = await Promise.all([
    loop(exportWords, isOver, once),
    loop(statusWords(state), isOver, once),
    run.end(),
  ]);
  assert.equal(code, 0, run.stderr);
  for (const { code, stderr } of exports) assert.equal(code, 0, stderr);
  // A series that is being filled is not complete yet.
  for (const { code, stderr } of statuses) assert.ok(code === 0 || code === 1, stderr);
  const lines = exports.map(({ stdout }) => stdout.split("\n"));
  // Readers see a prefix that grows.
  lines
    .slice(1)
    .forEach((text, i) => assert.deepEqual(text.slice(0, (lines[i]?.length ?? 1) - 1), lines[i]?.slice(0, -1)));
  assert.deepEqual(await seriesIn(state), pick(5, 40));
});

/** What is expected of these thresholds. */
function pick(...wanted: readonly number[]): unknown[] {
  const rows = statusSchema.shape.series.parse(expected);
  return rows.filter(({ series }) => wanted.some((threshold) => series.endsWith(`@${threshold}`)));
}

test("kill -9 of the owner while two others fill the store through it: one of them takes over, and both end well", async () => {
  await using rig = await slowRig("sharing-kill");
  const { archive, url, state, letGo } = rig;
  const owner = new RunningCommand(populateWords(url, state, 5));
  await until(() => ownerOf(state)?.url !== undefined, [owner]);
  assert.equal(ownerOf(state)?.pid, owner.child.pid);
  const others = [new RunningCommand(populateWords(url, state, 10)), new RunningCommand(populateWords(url, state, 40))];
  await until(askedFor(archive, 13), [owner, ...others]);
  for (const other of others) await other.says(hasBegun);
  await owner.end("SIGKILL");
  // Who takes over takes the dead owner's name away first: for a moment there is none.
  await until(() => others.some(({ child }) => child.pid === ownerOf(state)?.pid), others);
  letGo();
  for (const other of others) {
    assert.equal(await other.end(), 0, other.stderr);
    assert.doesNotMatch(other.stderr, /Code: 76|STORE_OWNED/);
  }
  assert.equal(ownerOf(state), undefined);
  const again = await barkeep(populateWords(folder.root, state, 5));
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(await seriesIn(state), pick(5, 10, 40));
});

test("an owner that ends before the others says so, and they go on with the next one", async () => {
  await using rig = await slowRig("sharing-end");
  const { archive, url, state, letGo } = rig;
  const owner = new RunningCommand(populateWords(url, state, 5));
  await until(() => ownerOf(state)?.url !== undefined, [owner]);
  const others = [new RunningCommand(populateWords(url, state, 10)), new RunningCommand(populateWords(url, state, 40))];
  await until(askedFor(archive, 13), [owner, ...others]);
  for (const other of others) await other.says(hasBegun);
  assert.equal(await owner.end("SIGTERM"), 130, owner.stderr);
  assert.match(owner.stderr, /2 others are using the store; they go on with the next owner/);
  letGo();
  for (const other of others) {
    assert.equal(await other.end(), 0, other.stderr);
    assert.doesNotMatch(other.stderr, /Code: 76|STORE_OWNED/);
  }
  assert.equal((await barkeep(populateWords(folder.root, state, 5))).code, 0);
  assert.deepEqual(await seriesIn(state), pick(5, 10, 40));
});

test("a herd of six that start at once on nothing: one makes the store, all fill it", async () => {
  const state = join(temporaryFolder("sharing-herd"), "state");
  const outcomes = await Promise.all(
    thresholds.map(async (threshold) => barkeep(populateWords(folder.root, state, threshold))),
  );
  for (const { code, stderr } of outcomes) {
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /Code: 76/);
  }
  assert.deepEqual(await seriesIn(state), expected);
  assert.equal(ownerOf(state), undefined);
});

test("a herd that finds a dead owner: one takes over, the others go through it", async () => {
  const state = join(temporaryFolder("sharing-dead"), "state");
  const first = await ServedStoreProcess.start(state);
  await first.stop("SIGKILL");
  assert.equal(ownerOf(state)?.pid, first.child.pid);
  const outcomes = await Promise.all(thresholds.map(async () => barkeep(statusWords(state))));
  for (const { code, stderr } of outcomes) assert.equal(code, 0, stderr);
});

const one = z.object({ n: z.coerce.number() });

/** Settles when the next HTTP request of this process has gone to the system whole. */
async function nextRequestSent(): Promise<void> {
  const sent = Promise.withResolvers<void>();
  const onStart = (message: unknown): void => {
    unsubscribe("http.client.request.start", onStart);
    const { request } = z.object({ request: z.instanceof(ClientRequest) }).parse(message);
    request.once("finish", sent.resolve);
    if (request.writableFinished) sent.resolve();
  };
  subscribe("http.client.request.start", onStart);
  await sent.promise;
}

test("what was sent to an owner that died is sent to the next one, but for an insert that may have arrived", async () => {
  const state = join(temporaryFolder("sharing-repeat"), "state");
  let owner = await ServedStoreProcess.start(state);
  const notes: string[] = [];
  const store = await openStore({ stateDirectory: state, note: (line) => void notes.push(line) });
  try {
    assert.equal(store.engine, undefined);
    await store.command("CREATE TABLE default.t (n UInt64) ENGINE = MergeTree ORDER BY n");
    await store.insertRows("default.t", [{ n: 1 }]);

    // It takes the insert and never answers.
    owner.child.kill("SIGSTOP");
    const isSent = nextRequestSent();
    const insert = store.insertRows("default.t", [{ n: 2 }]);
    const isLost = assert.rejects(insert, (error) => error instanceof RetryableError && error.code === "STORE_AWAY");
    await isSent;
    await owner.stop("SIGKILL");
    await isLost;

    // Another owner is there before anybody asks: it is found.
    owner = await ServedStoreProcess.start(state);
    assert.deepEqual(await store.rows("SELECT count() AS n FROM default.t", one), [{ n: 1 }]);
    assert.equal(store.engine, undefined);

    // Nobody is: this process becomes the owner. An insert that was never sent is sent here; so is a stream.
    await owner.stop("SIGKILL");
    await store.insertRows("default.t", [{ n: 3 }]);
    assert.notEqual(store.engine, undefined);
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.stream("SELECT n FROM default.t ORDER BY n", "TabSeparated")) chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString(), "1\n3\n");

    // And it serves the others.
    const status = await barkeep(statusWords(state));
    assert.equal(status.code, 0, status.stderr);
    assert.equal(ownerOf(state)?.pid, process.pid);
  } finally {
    await store.close();
  }
  assert.deepEqual(notes, []);
  assert.equal(ownerOf(state), undefined);
});

test("a stream and a query that lost their owner half way: the stream fails, what comes behind it goes on", async () => {
  const state = join(temporaryFolder("sharing-stream"), "state");
  const owner = await ServedStoreProcess.start(state);
  const store = await openStore({ stateDirectory: state });
  try {
    const stream = store.stream("SELECT number FROM numbers(100000000)", "TabSeparated");
    assert.equal((await stream.next()).done, false);
    await owner.stop("SIGKILL");
    const rest = async (): Promise<void> => {
      for await (const chunk of stream) void chunk;
    };
    await assert.rejects(rest, (error) => error instanceof RetryableError && error.code === "STORE_AWAY");
    assert.deepEqual(await store.rows("SELECT 1 AS n", one), [{ n: 1 }]);
  } finally {
    await store.close();
  }
});

test("owner.json that others can read, or that is another user's: its password is not used", async () => {
  const state = join(temporaryFolder("sharing-token"), "state");
  await using served = await ServedStoreProcess.start(state);
  const file = join(state, "owner.json");
  for (const mode of [0o644, 0o640, 0o602]) {
    chmodSync(file, mode);
    const { code, stderr } = await barkeep(statusWords(state));
    assert.equal(code, 3, stderr);
    const found = `its mode is 0${mode.toString(8)}`;
    assert.match(
      stderr,
      new RegExp(`must be this user's alone; ${found}.*chmod 600 ${file}.*\\(TOKEN_FILE_PERMISSIONS\\)`, "s"),
    );
    assert.match(stderr, new RegExp(`stop process ${served.child.pid}`));
  }
  chmodSync(file, 0o600);
  assert.equal((await barkeep(statusWords(state))).code, 0);
  // Only root can give a file away.
  if (process.geteuid?.() !== 0) return;
  chownSync(file, 12_345, 0);
  const { code, stderr } = await barkeep(statusWords(state));
  assert.equal(code, 3, stderr);
  assert.match(stderr, /it is user 12345's.*run this as user 12345.*\(TOKEN_FILE_PERMISSIONS\)/s);
  chownSync(file, 0, 0);
});

test("an owner that was killed leaves its password to the next one, unless others may have read it", async () => {
  const state = join(temporaryFolder("sharing-password"), "state");
  const first = await ServedStoreProcess.start(state);
  await first.stop("SIGKILL");
  const second = await ServedStoreProcess.start(state);
  assert.equal(second.password, first.password);
  await second.stop("SIGKILL");
  chmodSync(join(state, "owner.json"), 0o644);
  await using third = await ServedStoreProcess.start(state);
  assert.notEqual(third.password, first.password);
});
