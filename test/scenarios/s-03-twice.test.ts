import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { barkeep } from "../ops/run.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { Bench, newState } from "../rig/bench.ts";
import { RunningCommand } from "../rig/command.ts";
import { ArchiveFolder } from "../rig/make-archive.ts";
import { minimalRegistry } from "../rig/registry.ts";
import { ServedStoreProcess } from "../rig/serve.ts";

test("S-03 the same unit started twice at once: the second says who has it and leaves with exit 4, and the first one ends well", async () => {
  const bench = new Bench({ days: 8 });
  const whole = await bench.cleanStatus();
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  const name = `${bench.lastDay}.zip`;
  const held = Promise.withResolvers<void>();
  server.holds.set(`BTCUSDT-aggTrades-${name}`, held.promise);
  const first = new RunningCommand(bench.populateWords([], url));
  // Archives are fetched three days ahead: when it asks for the last one it has read some and writes the unit.
  while (server.requestsFor(name) === 0) await delay(10);

  const second = await bench.populate(["--json"], url);
  assert.equal(second.code, 4, second.stderr);
  assert.match(second.stderr, new RegExp(`BTCUSDT@50:2024 is being written by process ${first.child.pid} on `));
  assert.match(second.stderr, /\(LEASE_HELD\)/);
  assert.match(second.stderr, /let it end, or stop it \(.*populate/);
  assert.match(second.stdout, /"days": 0/);

  held.resolve();
  assert.equal(await first.end(), 0, first.stderr);
  assert.deepEqual(await bench.status(), whole);
  const third = await bench.populate([], url);
  assert.equal(third.code, 0, third.stderr);
  assert.match(third.stdout, /nothing to do/);
});

test("two state directories on one store: different symbols are built side by side", async () => {
  const bench = new Bench({ days: 20 });
  const ether = new ArchiveFolder(bench.archive.root, "ETHUSDT");
  ether.putWalk(bench.firstDay, 20, bench.perDay);
  const registry = minimalRegistry();
  writeFileSync(bench.symbols, registry + registry.slice(registry.indexOf("[")).replace("BTCUSDT", "ETHUSDT"));
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  await using served = await ServedStoreProcess.start(newState());
  // Both have their last day still to come when the other one is at work.
  const held = Promise.withResolvers<void>();
  for (const symbol of ["BTCUSDT", "ETHUSDT"]) {
    server.holds.set(`${symbol}-aggTrades-${bench.lastDay}.zip`, held.promise);
  }
  const runs = ["BTCUSDT", "ETHUSDT"].map((symbol) => {
    return new RunningCommand(bench.populateWords(["--symbol", symbol, "--state", newState()], url), served.env);
  });
  while (server.requestsFor(`${bench.lastDay}.zip`) < 2) await delay(10);
  held.resolve();
  for (const run of runs) assert.equal(await run.end(), 0, run.stderr);
  const seen = await bench.status(served.env);
  assert.deepEqual(
    seen.map(({ series, days, complete }) => [series, days, complete]),
    [
      ["range:binance/spot/BTCUSDT@50", 20, true],
      ["range:binance/spot/ETHUSDT@50", 20, true],
    ],
  );
  const alone = newState();
  assert.equal((await barkeep(bench.populateWords(["--symbol", "ETHUSDT", "--state", alone], url))).code, 0);
  assert.deepEqual(await bench.status({}, alone), seen.slice(1));
});
