import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mock, test } from "node:test";
import { addDays, parseDay } from "../../lib/model/day.ts";
import { RetryableError } from "../../lib/model/errors.ts";
import { fetchDays, openArchive, type ArchiveSource } from "../../lib/sources/archive/index.ts";
import { retryAfterMs } from "../../lib/sources/archive/http-client.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ArchiveServer, type Fault } from "../rig/archive-server.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";

const day = parseDay("2024-03-05");
/** Quick to try again; silence is waited for longer than any test lasts. */
const quick = { attempts: 4, firstDelayMs: 5, maxDelayMs: 20, stallMs: 3_600_000, longestWaitMs: 600_000 };
const signal = new AbortController().signal;

interface Rig extends AsyncDisposable {
  readonly folder: ArchiveFolder;
  readonly server: ArchiveServer;
  readonly state: string;
  readonly base: string;
  readonly source: ArchiveSource;
}

async function rig(name: string, days = 3): Promise<Rig> {
  const folder = new ArchiveFolder(temporaryFolder(`${name}-archive`));
  folder.putWalk(day, days, 300);
  const server = new ArchiveServer(folder.root);
  const state = temporaryFolder(`${name}-state`);
  const base = await server.start();
  const source = await openArchive(base, "spot", "BTCUSDT", state, quick);
  return { folder, server, state, base, source, [Symbol.asyncDispose]: async () => server[Symbol.asyncDispose]() };
}

function mirrored(state: string): string[] {
  const folder = join(state, "mirror", "spot", "BTCUSDT");
  return existsSync(folder) ? readdirSync(folder) : [];
}

test("a day is fetched once, kept under a name that holds its digest, and found there again", async () => {
  await using it = await rig("once");
  const outcome = await it.source.fetchDay(day, signal);
  assert.equal(outcome.kind, "file");
  if (outcome.kind !== "file") return;
  assert.ok(outcome.path.endsWith(`BTCUSDT-aggTrades-${day}.${outcome.sha256.slice(0, 16)}.zip`));
  assert.deepEqual(await it.source.fetchDay(day, signal), outcome);
  assert.equal(it.server.requestsFor(".zip"), 1);
});

const transient: readonly (readonly [string, Omit<Fault, "times">])[] = [
  ["503", { kind: "status", status: 503 }],
  ["429 with Retry-After", { kind: "status", status: 429, retryAfter: "0" }],
  ["418", { kind: "status", status: 418 }],
  ["a truncated body", { kind: "truncate" }],
  ["a wrong length", { kind: "wrong-length" }],
  ["a reset", { kind: "reset" }],
  ["a slow answer", { kind: "slow" }],
];
for (const [name, fault] of transient) {
  test(`${name} is got over, and leaves nothing half-received`, async () => {
    await using it = await rig("transient");
    it.server.faults.set(`${day}.zip`, { ...fault, times: 2 });
    const outcome = await it.source.fetchDay(day, signal);
    assert.equal(outcome.kind, "file");
    assert.equal(mirrored(it.state).length, 1);
  });
}

test("Retry-After is waited for", async () => {
  await using it = await rig("retry-after");
  it.server.faults.set(`${day}.zip`, { kind: "status", status: 429, retryAfter: "1", times: 1 });
  await it.source.fetchDay(day, signal);
  const [first, second] = it.server.requests.filter((request) => request.path.endsWith(`${day}.zip`));
  assert.ok((second?.atMs ?? 0) - (first?.atMs ?? 0) >= 990);
  assert.equal(retryAfterMs("120"), 120_000);
  assert.equal(retryAfterMs("Thu, 01 Jan 1970 00:01:00 GMT", 10_000), 50_000);
  assert.equal(retryAfterMs("soon"), 0);
});

test("a Retry-After of more than ten minutes is not waited for but told, with its time", async (t) => {
  await using it = await rig("retry-after-long");
  mock.timers.enable({ apis: ["Date"], now: Date.parse("2024-03-06T10:00:00Z") });
  t.after(() => mock.timers.reset());
  for (const [retryAfter, until] of [
    ["601", "2024-03-06T10:10"],
    ["9999999", "2024-06-30T03:46"],
    ["9".repeat(400), "+275760-09-13"],
    ["Wed, 06 Mar 2024 10:15:00 GMT", "2024-03-06T10:15"],
  ] as const) {
    it.server.faults.set(`${day}.zip`, { kind: "status", status: 503, retryAfter, times: 100 });
    const before = it.server.requestsFor(`${day}.zip`);
    await assert.rejects(it.source.fetchDay(day, signal), (error) => {
      assert.ok(error instanceof RetryableError && error.code === "ARCHIVE_ASKS_TO_WAIT");
      assert.ok(error.message.includes(`left alone until ${until}`), error.message);
      return true;
    });
    assert.equal(it.server.requestsFor(`${day}.zip`), before + 1);
  }
});

test("a place that stays away is a retryable error that says how often it was asked", async () => {
  await using it = await rig("away");
  it.server.faults.set(`${day}.zip.CHECKSUM`, { kind: "status", status: 500, times: 100 });
  await assert.rejects(it.source.fetchDay(day, signal), { code: "ARCHIVE_UNREACHABLE" });
  assert.equal(it.server.requestsFor(".CHECKSUM"), quick.attempts);
});

test("404 is a fact: not published", async () => {
  await using it = await rig("missing");
  const outcome = await it.source.fetchDay(addDays(day, 9), signal);
  assert.equal(outcome.kind, "missing");
});

test("a wrong checksum is fetched once more; one that stays wrong is put aside", async () => {
  await using it = await rig("checksum");
  it.server.faults.set(`${day}.zip`, { kind: "wrong-bytes", times: 1 });
  assert.equal((await it.source.fetchDay(day, signal)).kind, "file");
  const next = addDays(day, 1);
  it.server.faults.set(`${next}.zip`, { kind: "wrong-bytes", times: 9 });
  const outcome = await it.source.fetchDay(next, signal);
  assert.equal(outcome.kind, "bad");
  if (outcome.kind === "bad") assert.equal(outcome.error.code, "CHECKSUM_MISMATCH");
  assert.equal(it.server.requestsFor(`${next}.zip`), 2);
  assert.ok(readdirSync(join(it.state, "mirror", "quarantine")).length >= 1);
  assert.equal(mirrored(it.state).length, 1);
});

test("a file of the mirror that a disk has damaged is put aside and fetched again, once", async () => {
  await using it = await rig("damaged");
  const file = await it.source.fetchDay(day, signal);
  assert.ok(file.kind === "file");
  assert.equal(await it.source.refetchDay(file, signal), undefined, "a file that is as published is left alone");

  const next = await it.source.fetchDay(addDays(day, 1), signal);
  assert.ok(next.kind === "file");
  const good = readFileSync(next.path);
  writeFileSync(next.path, Buffer.from(good).fill(0, 40, 80));
  assert.deepEqual(await it.source.refetchDay(next, signal), next);
  assert.deepEqual(readFileSync(next.path), good);
  const aside = readdirSync(join(it.state, "mirror", "quarantine"));
  assert.ok(aside.length === 1 && aside[0]?.startsWith(next.name));
  assert.equal(it.server.requestsFor(next.name), 2);

  writeFileSync(next.path, "damaged again");
  assert.equal(await it.source.refetchDay(next, signal), undefined);
  assert.equal(it.server.requestsFor(next.name), 2);

  const gone = await it.source.fetchDay(addDays(day, 2), signal);
  assert.ok(gone.kind === "file");
  rmSync(gone.path);
  assert.deepEqual(await it.source.refetchDay(gone, signal), gone);

  // Stands for a sector that cannot be read.
  const again = await openArchive(it.base, "spot", "BTCUSDT", it.state, quick);
  rmSync(gone.path);
  mkdirSync(gone.path);
  assert.deepEqual(await again.refetchDay(gone, signal), gone);
});

test("a malformed or absent checksum file is the upstream's fault", async () => {
  await using it = await rig("no-checksum");
  writeFileSync(`${it.folder.pathOf(day)}.CHECKSUM`, "not a digest\n");
  const malformed = await it.source.fetchDay(day, signal);
  assert.ok(malformed.kind === "bad" && malformed.error.code === "BAD_CHECKSUM_FILE");
  it.server.faults.set(`${addDays(day, 1)}.zip.CHECKSUM`, { kind: "status", status: 404, times: 9 });
  const absent = await it.source.fetchDay(addDays(day, 1), signal);
  assert.ok(absent.kind === "bad" && absent.error.code === "NO_CHECKSUM");
});

test("a revised day stands beside the one it revises", async () => {
  await using it = await rig("revised");
  await it.source.fetchDay(day, signal);
  it.folder.putWalk(day, 1, 200);
  await it.source.fetchDay(day, signal);
  assert.equal(mirrored(it.state).length, 2);
});

test("days come in order, fetched ahead within bounds; a consumer that stops stops the fetching", async () => {
  await using it = await rig("order", 12);
  const seen: string[] = [];
  for await (const outcome of fetchDays(it.source, day, addDays(day, 11), signal)) {
    seen.push(outcome.day);
    const asked = new Set(it.server.requests.map((request) => request.path.slice(0, -".CHECKSUM".length))).size;
    assert.ok(asked <= 2 * (seen.length + it.source.prefetchDays + 1));
    if (seen.length === 4) break;
  }
  assert.deepEqual(
    seen,
    [0, 1, 2, 3].map((n) => addDays(day, n)),
  );
  assert.ok(mirrored(it.state).every((name) => !name.endsWith(".part")));
  assert.ok(it.server.requestsFor(".zip") < 12);
});

test("the last published day is found back from yesterday; none within ten days says what to give", async () => {
  await using it = await rig("last");
  assert.equal(await it.source.lastPublished(addDays(day, 6)), addDays(day, 2));
  await assert.rejects(it.source.lastPublished(addDays(day, 30)), { code: "NO_LAST_DAY", hint: "give --end-date" });
  assert.equal(await it.source.firstPublished(addDays(day, -20), addDays(day, 2)), day);
});

test("a question that no one answers can be interrupted", { timeout: 120_000 }, async () => {
  await using it = await rig("silent");
  it.server.silentMethods.add("HEAD");
  it.server.faults.set(".CHECKSUM", { kind: "status", status: 404, times: 9 });
  for (const ask of [
    async (stop: AbortSignal) => it.source.fetchDay(day, stop),
    async (stop: AbortSignal) => it.source.sizeOf(day, stop),
    async (stop: AbortSignal) => it.source.lastPublished(day, stop),
    async (stop: AbortSignal) => it.source.firstPublished(day, addDays(day, 2), stop),
  ]) {
    const stop = new AbortController();
    const asked = assert.rejects(ask(stop.signal), { name: "AbortError" });
    setTimeout(() => stop.abort(), 20);
    await asked;
  }
  assert.ok(it.server.requestsFor(".zip", "HEAD") >= 4);
});

for (const compresses of ["if-accepted", "always"] as const) {
  test(`a server that compresses, ${compresses}: the day's bytes and size are the archive's, in one fetch`, async () => {
    await using it = await rig("compresses");
    it.server.compresses = compresses;
    const file = await it.source.fetchDay(day, signal);
    const bytes = readFileSync(it.folder.pathOf(day));
    assert.ok(file.kind === "file" && file.bytes === bytes.length);
    assert.deepEqual(readFileSync(file.path), bytes);
    assert.equal(it.server.requestsFor(".zip"), 1);
    if (compresses === "if-accepted") assert.equal(await it.source.sizeOf(day), bytes.length);
  });
}
