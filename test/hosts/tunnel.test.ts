import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import { Tunnel } from "../../lib/hosts/tunnel.ts";
import type { SshHost } from "../../lib/hosts/ssh-host.ts";
import { temporaryFolder } from "../ops/run.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { noSshd, Sshd, sshHostOf } from "../rig/sshd.ts";

const skip = noSshd;
let sshd: Sshd;
let host: SshHost;
let served: ServedStoreProcess;

before(async () => {
  if (skip !== false) return;
  [sshd, served] = await Promise.all([Sshd.start(), ServedStoreProcess.start(temporaryFolder("tunnel"))]);
  host = sshHostOf(sshd);
});
after(async () => {
  if (skip !== false) return;
  await host.close();
  await Promise.all([sshd[Symbol.asyncDispose](), served.stop()]);
});

async function openTunnel(): Promise<Tunnel> {
  return Tunnel.open(host, { host: "127.0.0.1", port: Number(new URL(served.url).port) });
}

function clientOf(tunnel: Tunnel): ClickHouseClient {
  return createClient({
    url: `http://127.0.0.1:${tunnel.port}`,
    username: served.user,
    password: served.password,
    log: { level: ClickHouseLogLevel.OFF },
  });
}

async function numbers(client: ClickHouseClient, count: number): Promise<number> {
  const query = `SELECT sum(length(text)) FROM (SELECT toString(number) AS text FROM numbers(${count}))`;
  const result = await client.query({ query, format: "JSONCompactEachRow" });
  return Number((await result.json<[string]>())[0]?.[0]);
}

test("the stock client works through a tunnel, with big answers and many statements at once", { skip }, async () => {
  await using tunnel = await openTunnel();
  const client = clientOf(tunnel);
  const sums = await Promise.all(Array.from({ length: 20 }, async () => numbers(client, 10)));
  assert.deepEqual(new Set(sums), new Set([10]));
  const result = await client.query({ query: "SELECT number FROM numbers(1000000)", format: "TabSeparated" });
  assert.equal((await result.text()).length, 6_888_890);
  await client.close();
});

test("a tunnel goes on after sshd was killed and started again", { skip }, async () => {
  await using tunnel = await openTunnel();
  const client = clientOf(tunnel);
  assert.equal(await numbers(client, 10), 10);
  await sshd.kill();
  await assert.rejects(numbers(client, 10));
  await sshd.start();
  assert.equal(await numbers(client, 10), 10);
  await client.close();
});

test("nobody at its end: the user's connection is cut, and the tunnel knows why", { skip }, async () => {
  await using tunnel = await Tunnel.open(host, { host: "127.0.0.1", port: 1 });
  const client = clientOf(tunnel);
  await assert.rejects(numbers(client, 1));
  assert.equal(tunnel.lastFailure?.code, "FORWARD_REFUSED");
  assert.match(tunnel.lastFailure.message, /nothing answers at 127\.0\.0\.1:1 as seen from rig/);
  await client.close();
});

test("a server that allows no tunnels is told with what to change there", { skip }, async () => {
  await using strict = await Sshd.start({ lines: ["AllowTcpForwarding no"] });
  await using other = sshHostOf(strict);
  await assert.rejects(other.connect({ host: "127.0.0.1", port: 1 }), { code: "FORWARD_PROHIBITED" });
  // The connection is as good as before.
  assert.equal((await other.exec(["true"], { cwd: "/" })).code, 0);
});
