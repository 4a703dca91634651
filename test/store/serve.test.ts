import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ClickHouseError, ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import { UnavailableError } from "../../lib/model/errors.ts";
import { storeFailure } from "../../lib/store/errors.ts";
import { exceptionOf } from "../../lib/store/serve/exception.ts";
import { eventually } from "../queue/tasks.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { barkeep, temporaryFolder } from "../ops/run.ts";

const state = join(temporaryFolder("serve"), "state");
let served: ServedStoreProcess;
let client: ClickHouseClient;

before(async () => {
  served = await ServedStoreProcess.start(state);
  client = createClient({
    log: { level: ClickHouseLogLevel.OFF },
    url: served.url,
    username: served.user,
    password: served.password,
  });
});
after(async () => {
  await client.close();
  await served.stop();
});

async function values(query: string, params: Record<string, unknown> = {}): Promise<unknown[]> {
  const result = await client.query({ query, query_params: params, format: "JSONCompactEachRow" });
  return result.json();
}

test("the owner's file says where the store is, to this user alone", () => {
  const file = join(state, "owner.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const text = readFileSync(file, "utf8");
  for (const part of [served.url, served.user, served.password]) assert.ok(text.includes(part));
});

test("the stock client: ping, DDL, inserts of every kind, exact values, parameters", async () => {
  assert.deepEqual(await client.ping(), { success: true });
  await client.command({ query: "CREATE TABLE default.t (id Int128, text String) ENGINE = MergeTree ORDER BY id" });
  const rows = [
    { id: "170141183460469231731687303715884105727", text: "a\n\n;b\t'\\\u{1f600}" },
    { id: "2", text: "" },
  ];
  await client.insert({ table: "default.t", values: rows, format: "JSONEachRow" });
  await client.insert({
    table: "default.t",
    values: Readable.from([{ id: "3", text: "streamed" }]),
    format: "JSONEachRow",
  });
  await client.command({ query: "INSERT INTO default.t VALUES (4, 'inline;\n\nrows'), (5, concat('a', 'b'))" });
  assert.deepEqual(await values("SELECT toString(id), text FROM default.t ORDER BY id"), [
    ["2", ""],
    ["3", "streamed"],
    ["4", "inline;\n\nrows"],
    ["5", "ab"],
    ["170141183460469231731687303715884105727", rows[0]?.text],
  ]);
  const tricky = "it's a \\ tab\t line\n NULL \u{1f600}";
  assert.deepEqual(
    await values("SELECT {a:String}, {b:Array(UInt8)}, {c:Nullable(Int64)}", { a: tricky, b: [1, 2], c: null }),
    [[tricky, [1, 2], null]],
  );
});

test("Native goes in and comes out byte for byte, compressed or not", async () => {
  const columns = "number AS n, toString(number) AS s";
  await client.command({ query: "CREATE TABLE default.native (n UInt64, s String) ENGINE = MergeTree ORDER BY n" });
  const block = await bytesOf(client, `SELECT ${columns} FROM numbers(150000) ORDER BY n FORMAT Native`);
  const squeezed = createClient({
    url: served.url,
    log: { level: ClickHouseLogLevel.OFF },
    username: served.user,
    password: served.password,
    compression: { request: true, response: true },
  });
  try {
    for (const one of [client, squeezed]) {
      const values = Readable.from([block], { objectMode: false });
      const { stream } = await one.exec({ query: "INSERT INTO default.native FORMAT Native", values });
      for await (const chunk of stream) void chunk;
    }
    const hash =
      "SELECT count(), sum(cityHash64(n, s)) = 2 * (SELECT sum(cityHash64(number, toString(number))) FROM numbers(150000)) FROM default.native";
    assert.deepEqual(await values(hash), [["300000", 1]]);
    const back = await bytesOf(squeezed, "SELECT n, s FROM default.native WHERE n < 1000 ORDER BY n FORMAT RowBinary");
    assert.ok(
      back.equals(await bytesOf(client, "SELECT n, s FROM default.native WHERE n < 1000 ORDER BY n FORMAT RowBinary")),
    );
  } finally {
    await squeezed.close();
  }
});

function bufferOf(chunk: unknown): Buffer {
  assert.ok(chunk instanceof Uint8Array);
  return Buffer.from(chunk);
}

async function bytesOf(from: ClickHouseClient, query: string): Promise<Buffer> {
  const { stream } = await from.exec({ query });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(bufferOf(chunk));
  return Buffer.concat(chunks);
}

test("errors carry the engine's code and type; one in mid-stream cuts the answer", async () => {
  for (const [query, code] of [
    ["SELEC 1", "62"],
    ["SELECT * FROM nowhere", "60"],
    ["SELECT 1; SELECT 2", "62"],
  ] as const) {
    await assert.rejects(client.command({ query }), (error) => error instanceof ClickHouseError && error.code === code);
  }
  const late = bytesOf(
    client,
    "SELECT number, throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_block_size = 1000 FORMAT RowBinary",
  );
  await assert.rejects(late);
  assert.deepEqual(await values("SELECT 1"), [[1]]);
});

test("settings, database and parameters do not leave their request", async () => {
  const rows = await client.query({
    query: "SELECT currentDatabase(), getSetting('max_block_size')",
    format: "JSONCompactEachRow",
    clickhouse_settings: { max_block_size: "777" },
  });
  assert.deepEqual(await rows.json(), [["default", 777]]);
  assert.notDeepEqual(await values("SELECT getSetting('max_block_size')"), [[777]]);
});

test("only its user with its password comes in; a GET changes nothing; only loopback is bound", async () => {
  const stranger = createClient({
    log: { level: ClickHouseLogLevel.OFF },
    url: served.url,
    username: "barkeep",
    password: "wrong",
  });
  await assert.rejects(
    stranger.command({ query: "SELECT 1" }),
    (error) => error instanceof ClickHouseError && error.code === "516",
  );
  await stranger.close();
  const authorization = `Basic ${Buffer.from(`${served.user}:${served.password}`).toString("base64")}`;
  const get = await fetch(
    `${served.url}/?query=${encodeURIComponent("CREATE TABLE default.x (a Int8) ENGINE = Memory")}`,
    {
      headers: { authorization },
    },
  );
  assert.equal(get.headers.get("x-clickhouse-exception-code"), "164");
  assert.match(served.url, /^http:\/\/127\.0\.0\.1:\d+$/);
});

/** A body that breaks off. */
async function* breaking(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(1 << 20);
  await new Promise((resolve) => setTimeout(resolve, 50));
  throw new Error("the sender is gone");
}

test("a hundred statements side by side, and an insert that breaks off leaves nothing", async () => {
  const sums = await Promise.all(
    Array.from({ length: 100 }, async (_, i) => values(`SELECT sum(number) + ${i} FROM numbers(1000)`)),
  );
  sums.forEach((rows, i) => assert.deepEqual(rows, [[String(499_500 + i)]]));
  await client.command({ query: "CREATE TABLE default.broken (a UInt64) ENGINE = MergeTree ORDER BY a" });
  const insert = client.exec({
    query: "INSERT INTO default.broken FORMAT RowBinary",
    values: Readable.from(breaking(), { objectMode: false }),
  });
  await assert.rejects(insert);
  assert.deepEqual(await values("SELECT count() FROM default.broken"), [["0"]]);
});

test("a second process works through the owner; one that must own the store itself is refused", async () => {
  const status = await barkeep(["status", "--json", "--state", state]);
  assert.equal(status.code, 0, status.stderr);
  const second = await barkeep(["store", "serve", "--state", state]);
  assert.equal(second.code, 4);
  assert.match(
    second.stderr,
    new RegExp(`process ${served.child.pid}.*it is served at ${served.url}.*\\(STORE_OWNED\\)`, "s"),
  );
});

const heavySum = "sum(sipHash64(number)) FROM numbers(1000000000000)";

/** Sends a statement as no client library would: the answer can be left at any time. */
async function post(at: ServedStoreProcess, sql: string, query = "", signal?: AbortSignal): Promise<Response> {
  return fetch(`${at.url}/?${query}`, {
    method: "POST",
    body: sql,
    headers: { authorization: `Basic ${Buffer.from(`${at.user}:${at.password}`).toString("base64")}` },
    ...(signal === undefined ? {} : { signal }),
  });
}

/** How many heavy statements a store's engine is at. */
async function heavyOnes(at: ServedStoreProcess): Promise<number> {
  const texts = "query LIKE '%sipHash64%' AND query NOT LIKE '%system.processes%'";
  return Number(await (await post(at, `SELECT count() FROM system.processes WHERE ${texts}`)).text());
}

test("queries whose clients have left end, wherever they stood, and hold up nobody", async () => {
  await client.command({ query: "CREATE TABLE default.abandoned (a UInt64) ENGINE = MergeTree ORDER BY a" });
  const statements = [
    `SELECT ${heavySum} FORMAT JSONCompact`,
    `SELECT ${heavySum} FORMAT RowBinary`,
    `SELECT (SELECT ${heavySum}) FORMAT RowBinary`,
    `WITH (SELECT ${heavySum}) AS x SELECT x FORMAT RowBinary`,
    `SELECT a FROM default.abandoned WHERE a IN (SELECT sipHash64(number) FROM numbers(1000000000000)) FORMAT RowBinary`,
    `INSERT INTO default.abandoned SELECT ${heavySum}`,
  ];
  const leaving = new AbortController();
  const left = Array.from({ length: 20 }, async (_, i) =>
    assert.rejects(post(served, statements[i % statements.length] ?? "", "", leaving.signal), { name: "AbortError" }),
  );
  // Some are under way, and the others wait for a place: none of them would come to its end by itself.
  await delay(300);
  leaving.abort();
  await Promise.all(left);
  assert.deepEqual(await values("SELECT 1"), [[1]], "it does not wait for them");
  await eventually("no heavy query is left", async () => (await heavyOnes(served)) === 0);
});

test("an answer that is left half read ends its query; a slow reader is in nobody's way", async () => {
  const endless = "SELECT sipHash64(number) FROM numbers(1000000000000) FORMAT RowBinary";
  const readers = await Promise.all(Array.from({ length: 20 }, async () => post(served, endless)));
  assert.deepEqual(await values("SELECT 1"), [[1]]);
  assert.ok((await heavyOnes(served)) > 0);
  await Promise.all(readers.map(async ({ body }) => body?.cancel()));
  await eventually("no stream is left", async () => (await heavyOnes(served)) === 0);
});

test("a query id or format that cannot be a header is refused before anything runs", async () => {
  await client.command({ query: "CREATE TABLE default.once (a Int8) ENGINE = MergeTree ORDER BY a" });
  for (const query of ["query_id=a%0Ab", `query_id=${"x".repeat(129)}`, "query_id=%C3%A9", "default_format=TSV%0Ab"]) {
    const answer = await post(served, "INSERT INTO default.once SELECT 1", query);
    assert.equal(answer.status, 400, query);
    assert.match(await answer.text(), /^Code: 36\..*BAD_ARGUMENTS/);
  }
  assert.deepEqual(await values("SELECT count() FROM default.once"), [["0"]]);
  const answer = await post(served, "SELECT 1", "query_id=my%20id");
  assert.equal(answer.headers.get("x-clickhouse-query-id"), "my id");
});

test("a disk that is full under the server is a full disk to its client", () => {
  const full = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const { status, code, message } = exceptionOf(full);
  assert.deepEqual([status, code], [507, 243]);
  assert.match(message, /^Code: 243\. DB::Exception: .*\(NOT_ENOUGH_SPACE\)$/);
  // A server of before, or one whose code was lost on the way.
  const failure = storeFailure(new Error(full.message), "here");
  assert.ok(failure instanceof UnavailableError);
  assert.equal(failure.code, "DISK_FULL");
});

test("SIGTERM with a query under way: its owner is named until the end, which comes after the grace", async () => {
  const own = join(temporaryFolder("serve-grace"), "state");
  const one = await ServedStoreProcess.start(own);
  const leaving = new AbortController();
  const left = assert.rejects(post(one, `SELECT ${heavySum} FORMAT JSONCompact`, "", leaving.signal));
  const isCut = assert.rejects(post(one, `SELECT ${heavySum} FORMAT JSONCompact`));
  await eventually("both run", async () => (await heavyOnes(one)) === 2);
  leaving.abort();
  await left;
  const started = performance.now();
  const ended = one.stop();
  await eventually("it is ending", () => one.stderr.includes("letting statements under way end"));
  const second = await barkeep(["store", "serve", "--state", own]);
  assert.equal(second.code, 4, second.stderr);
  assert.match(second.stderr, /STORE_OWNED/);
  assert.equal(await ended, 0);
  await isCut;
  const took = performance.now() - started;
  assert.ok(took > 9_000, `${took} ms`);
  assert.equal(existsSync(join(own, "owner.json")), false);
});

test("the second SIGTERM ends it at once, whatever runs, and the store opens again", async () => {
  const own = join(temporaryFolder("serve-twice"), "state");
  const one = await ServedStoreProcess.start(own);
  // As many as leave a place to ask about them; the others wait for one.
  const cut = Array.from({ length: 7 }, async () => assert.rejects(post(one, `SELECT ${heavySum} FORMAT JSONCompact`)));
  await eventually("they run", async () => (await heavyOnes(one)) === 7);
  cut.push(
    ...Array.from({ length: 5 }, async () => assert.rejects(post(one, `SELECT ${heavySum} FORMAT JSONCompact`))),
  );
  one.child.kill("SIGTERM");
  await eventually("it has heard the first", () => one.stderr.includes("once more stops at once"));
  // Two that are nearer to each other count as one.
  await delay(500);
  assert.equal(await one.stop(), null);
  assert.equal(one.child.signalCode, "SIGKILL", "it did not wait for what runs, as an end by itself does");
  await Promise.all(cut);
  await using again = await ServedStoreProcess.start(own);
  assert.equal(await (await post(again, "SELECT 1")).text(), "1\n");
});

test("SIGTERM ends it cleanly: exit 0, no owner's file, and the store opens again with everything in it", async () => {
  const own = join(temporaryFolder("serve-term"), "state");
  const first = await ServedStoreProcess.start(own);
  const one = createClient({
    log: { level: ClickHouseLogLevel.OFF },
    url: first.url,
    username: first.user,
    password: first.password,
  });
  await one.command({ query: "CREATE TABLE default.kept (a Int8) ENGINE = MergeTree ORDER BY a" });
  await one.insert({ table: "default.kept", values: [{ a: 7 }], format: "JSONEachRow" });
  await one.close();
  assert.equal(await first.stop(), 0);
  assert.equal(existsSync(join(own, "owner.json")), false);
  await using again = await ServedStoreProcess.start(own);
  assert.notEqual(again.password, first.password);
  const two = createClient({
    log: { level: ClickHouseLogLevel.OFF },
    url: again.url,
    username: again.user,
    password: again.password,
  });
  assert.deepEqual(
    await (await two.query({ query: "SELECT a FROM default.kept", format: "JSONCompactEachRow" })).json(),
    [[7]],
  );
  await two.close();
});

test("kill -9 of the owner stands in nobody's way", async () => {
  const own = join(temporaryFolder("serve-kill"), "state");
  const first = await ServedStoreProcess.start(own);
  await first.stop("SIGKILL");
  assert.equal(existsSync(join(own, "owner.json")), true);
  const status = await barkeep(["status", "--state", own]);
  assert.equal(status.code, 0, status.stderr);
});
