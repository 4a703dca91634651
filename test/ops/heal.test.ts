import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import Database from "better-sqlite3";
import { z } from "zod";
import { addDays, type Day } from "../../lib/model/day.ts";
import { ledgerPath, openLedger } from "../../lib/ledger/index.ts";
import { openStore } from "../../lib/store/index.ts";
import { recordLook } from "../../lib/watch/record-look.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { Bench } from "../rig/bench.ts";
import { clockAt } from "../rig/clock.ts";
import { linesOf, walkOf } from "../rig/make-archive.ts";
import { NotifySocket, skipWithoutNotify } from "../rig/notify-socket.ts";
import { minimalRegistry } from "../rig/registry.ts";
import { LocalQueue } from "../../lib/queue/local/queue.ts";
import { eventually, shellJob, until } from "../queue/tasks.ts";
import { projectRoot, temporaryFolder, type Outcome } from "./run.ts";

const size = { days: 4, perDay: 200 } as const;

function dayOf(bench: Bench, at: number): Day {
  return addDays(bench.firstDay, at);
}

async function heal(bench: Bench, words: readonly string[] = [], archive = bench.archive.root): Promise<Outcome> {
  return bench.run(["heal", "--archive", archive, ...words]);
}

/** A heal that a test ends. */
function start(
  bench: Bench,
  words: readonly string[],
  env: Record<string, string> = {},
): ChildProcessByStdio<null, Readable, Readable> & AsyncDisposable {
  const launcher = join(projectRoot, "bin/barkeep.mjs");
  const all = ["heal", ...words, "--state", bench.state, "--symbols", bench.symbols];
  const child = spawn(process.execPath, [launcher, ...all], {
    cwd: projectRoot,
    env: { ...process.env, BARKEEP_STATE: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return Object.assign(child, {
    [Symbol.asyncDispose]: async (): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  });
}

/** Days two and three were a declared hole when the unit was built, and are published by now. */
async function benchWithHole(): Promise<Bench> {
  const bench = new Bench(size);
  const hole = [dayOf(bench, 1), dayOf(bench, 2)];
  for (const day of hole) bench.archive.remove(day);
  const declared = `known_gaps = [{ start_date = ${hole[0]}, end_date = ${hole[1]}, reason = "a test" }]`;
  writeFileSync(bench.symbols, minimalRegistry(declared));
  const { code, stderr } = await bench.populate();
  assert.equal(code, 0, stderr);
  for (const [i, day] of hole.entries()) {
    bench.archive.putLines(day, linesOf(walkOf(day, 1000 + (i + 1) * bench.perDay, bench.perDay)));
  }
  writeFileSync(bench.symbols, minimalRegistry());
  return bench;
}

/** Settles when the server was asked for a day's archive. */
async function asked(server: ArchiveServer, day: Day): Promise<void> {
  while (server.requestsFor(`${day}.zip`) === 0) await delay(20);
}

test("heal says what it would do, does it once, and keeps what it did", async () => {
  const bench = await benchWithHole();
  const clean = await bench.cleanStatus();
  const plan = await heal(bench, ["--dry-run"]);
  assert.equal(plan.code, 1, plan.stderr);
  assert.match(plan.stdout, /^P2 {2}BTCUSDT@50:2024 {2}interior .* rebuild /m);
  assert.match(plan.stdout, /1 gaps would be tried in 1 repairs, 0 left alone/);
  assert.notDeepEqual(await bench.status(), clean);

  const none = await heal(bench, ["--max-p2-jobs", "0"]);
  assert.deepEqual([none.code, /0 of 0 gaps healed, 1 left/.test(none.stdout)], [1, true], none.stdout);
  const done = await heal(bench, ["--json"]);
  assert.equal(done.code, 0, done.stderr);
  const repairs = z.object({ repairs: z.array(z.object({ gaps: z.array(z.object({ result: z.string() })) })) });
  assert.deepEqual(repairs.parse(JSON.parse(done.stdout)).repairs, [{ gaps: [{ result: "healed" }] }]);
  assert.deepEqual(await bench.status(), clean);
  assert.match((await heal(bench)).stdout, /^no gaps$/m);

  const log = await bench.run(["heal", "log", "BTCUSDT@50"]);
  assert.match(log.stdout, /interior .* rebuild .*1 → 2 .*healed/);
  const replay = await bench.run(["heal", "replay"]);
  assert.match(replay.stdout, /^0 gaps may be tried again/m);
});

test("a bar that is there twice: explained, healed once detect-gaps has seen it, and over by the next heartbeat", async () => {
  const bench = new Bench(size);
  assert.equal((await bench.populate()).code, 0);
  const clean = await bench.status();
  const store = await openStore({ stateDirectory: bench.state });
  await store.command("INSERT INTO barkeep.bars SELECT * FROM barkeep.bars ORDER BY first_agg_trade_id LIMIT 1");
  await store.close();
  const archive = ["--archive", bench.archive.root];
  const env = clockAt(`${dayOf(bench, size.days)}T03:00:00Z`);
  const incidents = z.object({ incidents: z.array(z.object({ kind: z.string(), state: z.string() })) });

  const explained = await bench.run(["explain", "BTCUSDT@50", ...archive], env);
  assert.equal(explained.code, 1, explained.stderr);
  assert.match(explained.stdout, /more than one bar has the ids .* Next, barkeep heal makes the unit anew/);
  assert.match(
    (await bench.run(["heal", "--dry-run", ...archive], env)).stdout,
    /^no gaps$/m,
    "coverage shows nothing",
  );
  assert.equal((await bench.run(["detect-gaps", "--exhaustive", ...archive], env)).code, 1);
  const seen = await bench.run(["heartbeat", "--once", "--json", ...archive], env);
  assert.equal(seen.code, 1, "the heartbeat looks at what was seen in bars");
  assert.deepEqual(incidents.parse(JSON.parse(seen.stdout)).incidents, [{ kind: "gap-overlap", state: "open" }]);

  const healed = await bench.run(["heal", ...archive], env);
  assert.equal(healed.code, 0, healed.stdout + healed.stderr);
  assert.deepEqual(
    (await bench.status()).map(({ digest, bars }) => [digest, bars]),
    clean.map(({ digest, bars }) => [digest, bars]),
  );
  const over = await bench.run(["heartbeat", "--once", "--json", ...archive], env);
  assert.equal(over.code, 0, over.stderr);
  assert.deepEqual(incidents.parse(JSON.parse(over.stdout)).incidents, []);
  const well = await bench.run(["explain", "BTCUSDT@50", ...archive], env);
  assert.deepEqual([well.code, /Nothing is to be done\./.test(well.stdout)], [0, true], well.stdout);
});

test("explain says 2 where it could not look, and names a series that is too old for what it was promised", async () => {
  const bench = new Bench(size);
  assert.equal((await bench.populate()).code, 0);
  const away = await bench.run(["explain", "BTCUSDT@50", "--archive", join(bench.state, "nowhere")]);
  assert.equal(away.code, 2, away.stdout + away.stderr);
  writeFileSync(bench.symbols, minimalRegistry("max_stale_hours = 24"));
  const old = await bench.run(["explain", "BTCUSDT@50", "--archive", bench.archive.root]);
  assert.equal(old.code, 1, old.stdout + old.stderr);
  assert.match(old.stdout, /a series has stopped: its newest trade is \d+ h old, at most 24 h are allowed/);
});

test("explain says of a unit that an undo holds what gets on with it, as a dry run does", async () => {
  const bench = await benchWithHole();
  assert.equal((await heal(bench)).code, 0);
  const undone = await bench.run(["undo", "BTCUSDT@50:2024#2"]);
  assert.equal(undone.code, 0, undone.stderr);
  const archive = ["--archive", bench.archive.root];
  for (const subject of ["BTCUSDT@50", "BTCUSDT@50:2024"]) {
    const explained = await bench.run(["explain", subject, ...archive]);
    assert.equal(explained.code, 1, explained.stderr);
    assert.match(explained.stdout, /Nothing is done about it now: an undo holds it/);
    assert.match(explained.stdout, /^ {2}what to do: barkeep rebuild BTCUSDT@50:2024 --reason TEXT$/m);
  }
  const plan = await heal(bench, ["--dry-run"]);
  assert.match(plan.stdout, /an undo holds it.*\n0 gaps would be tried in 0 repairs, 1 left alone/);
});

test("explain names what builds a pair that never was, and what else is open of a series", async () => {
  const bench = new Bench(size);
  assert.equal((await bench.populate()).code, 0);
  const archive = ["--archive", bench.archive.root];
  const never = await bench.run(["explain", "BTCUSDT@100", ...archive]);
  assert.equal(never.code, 1, never.stderr);
  assert.match(never.stdout, /No heal looks at it: nothing of the series was ever built\./);
  assert.match(never.stdout, /^ {2}what to do: barkeep populate --symbol BTCUSDT --threshold 100$/m);

  {
    using ledger = openLedger(bench.state);
    const subject = "range:binance/spot/BTCUSDT@50";
    const summary = "7 rows that were seen are gone";
    const finding = { kind: "store-differs", subject, verdict: "wrong", summary, evidence: {} } as const;
    recordLook(ledger, { source: "heartbeat", findings: [finding], examined: [] });
  }
  const env = clockAt(`${dayOf(bench, size.days)}T03:00:00Z`);
  const open = await bench.run(["explain", "BTCUSDT@50", ...archive], env);
  assert.equal(open.code, 1, open.stdout + open.stderr);
  assert.match(
    open.stdout,
    /#1 range:binance\/spot\/BTCUSDT@50: .*: 7 rows that were seen are gone\. .*barkeep ledger/,
  );
  assert.doesNotMatch(open.stdout, /Nothing is to be done/);
});

test("heal without a store or an archive is told, and makes none", async () => {
  const bench = new Bench(size);
  assert.deepEqual([(await heal(bench)).code, (await bench.run(["heal"])).code], [2, 3]);
  assert.equal((await heal(bench, ["--max-p2-jobs", "few"])).code, 3);
});

test("a time that no timer counts is refused, and names the most that can be given", async () => {
  const bench = new Bench(size);
  for (const [flag, much, most] of [
    ["--budget", "36000", "34560"],
    ["--budget", "100000", "34560"],
    ["--interval-clean", "2592000", "2073600"],
    ["--interval-active", "2592000", "2073600"],
  ] as const) {
    const refused = await heal(bench, [flag, much]);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, new RegExp(`${much} is too much.*at most ${most}`, "s"));
  }
  assert.equal((await bench.populate()).code, 0);
  assert.equal((await heal(bench, ["--budget", "34560"])).code, 0);
});

test("a heal that is killed in the middle of a repair is gone on with, and nothing is there twice", async () => {
  const bench = await benchWithHole();
  const clean = await bench.cleanStatus();
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  const release = Promise.withResolvers<void>();
  server.holds.set(`${bench.lastDay}.zip`, release.promise);
  await using killed = start(bench, ["--archive", url]);
  await asked(server, bench.lastDay);
  killed.kill("SIGKILL");
  await once(killed, "exit");
  release.resolve();

  const again = await heal(bench, [], url);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(await bench.status(), clean);
  const verified = await bench.run(["verify", "all"]);
  assert.equal(verified.code, 0, verified.stdout);
  const journal = await bench.run(["ledger", "journal", "--kind", "heal", "--json"]);
  assert.match(journal.stdout, /PROCESS_GONE/);
});

test("a replay of what was never tried is refused; a try whose process is gone is ended first", async () => {
  const bench = new Bench(size);
  {
    using ledger = openLedger(bench.state);
    ledger.healTries.start([{ gap: "trailing BTCUSDT@50:2024 2024-03-05", unit: "BTCUSDT@50:2024" }]);
    const file = new Database(ledgerPath(bench.state));
    file.exec("UPDATE heal_tries SET process_start = 'an earlier boot/1', host = 'as-it-was-called'");
    file.close();
  }
  const unknown = await bench.run(["heal", "replay", "BTCUSDT@50:2020"]);
  assert.equal(unknown.code, 3, unknown.stdout);
  assert.match(unknown.stderr, /nothing was tried of BTCUSDT@50:2020.*tried were BTCUSDT@50:2024/s);
  const replayed = await bench.run(["heal", "replay", "BTCUSDT@50"]);
  assert.match(replayed.stdout, /^1 gaps may be tried again; 1 earlier tries count no more$/m);
});

/** A fleet whose one host is this machine, with the queue that needs nothing. @param more further lines of it @returns its file */
function fleetOfHere(more = ""): string {
  const fleet = join(temporaryFolder("heal-fleet"), "fleet.toml");
  writeFileSync(
    fleet,
    `[hosts.here]
ssh = "local"
directory = "queued"
queue = "local"
memory_mb = 8000
jobs_max = 2
${more}`,
  );
  mkdirSync(join(dirname(fleet), "queued"));
  return fleet;
}

test("with hosts, missing days are queued there once, and what they come to is looked for", async () => {
  const bench = new Bench(size);
  const clean = await bench.cleanStatus();
  const built = await bench.populate(["--end-date", dayOf(bench, 1)]);
  assert.equal(built.code, 0, built.stderr);
  const words = ["--fleet", fleetOfHere(), "--host", "here"];
  const plan = await heal(bench, [...words, "--dry-run"]);
  assert.match(plan.stdout, /^P2 {2}BTCUSDT@50:2024 {2}trailing .* populate on here /m, plan.stderr);
  const first = await heal(bench, words);
  assert.equal(first.code, 1, first.stderr);
  assert.match(first.stdout, /trailing .*: the fleet's queues have it\n/);
  await eventually("the job is done", async () => {
    const again = await heal(bench, words);
    assert.ok([0, 1].includes(again.code), again.stderr);
    return again.code === 0 ? again : undefined;
  });
  assert.deepEqual(await bench.status(), clean);
  const journal = await bench.run(["ledger", "journal", "--kind", "heal.started", "--json"]);
  assert.equal(z.object({ events: z.array(z.unknown()) }).parse(JSON.parse(journal.stdout)).events.length, 1);
});

const triesShape = z.object({ events: z.array(z.object({ subject: z.string() })) });

/** Units that a try to heal was begun of. */
async function tried(bench: Bench): Promise<string[]> {
  const journal = await bench.run(["ledger", "journal", "--kind", "heal.started", "--json"]);
  return triesShape.parse(JSON.parse(journal.stdout)).events.map(({ subject }) => subject);
}

const logShape = z.object({ repairs: z.array(z.object({ result: z.string(), code: z.string(), action: z.string() })) });

/** What the repair log says, oldest first: result, code and action. */
async function logged(bench: Bench): Promise<string[]> {
  const log = await bench.run(["heal", "log", "--json"]);
  return logShape
    .parse(JSON.parse(log.stdout))
    .repairs.map(({ result, code, action }) => [action, result, code].filter((word) => word !== "").join(" "));
}

/** Settles when the host's queue has nothing to do any more. */
async function queueDone(fleet: string): Promise<void> {
  const queue = new LocalQueue(join(dirname(fleet), "queued", "queue"), "here");
  await eventually("the queue is done", async () =>
    (await queue.poll()).tasks.every(({ state }) => state.kind === "done") ? true : undefined,
  );
}

test("a try that was queued ends as its job did, with a row of the log, and the next one waits", async () => {
  const bench = new Bench(size);
  const built = await bench.populate(["--end-date", dayOf(bench, 1)]);
  assert.equal(built.code, 0, built.stderr);
  const torn = dayOf(bench, 2);
  bench.archive.putZip(torn, Buffer.from("this is no zip"));
  const fleet = fleetOfHere();
  const words = ["--fleet", fleet, "--host", "here"];
  assert.match((await heal(bench, words)).stdout, /trailing .*: the fleet's queues have it\n/);
  await queueDone(fleet);
  const failed = await heal(bench, words);
  assert.match(failed.stdout, /the last try ended with ZIP_CORRUPT; the next one is due/, failed.stderr);
  assert.deepEqual(await tried(bench), ["BTCUSDT@50:2024"], "it is not queued again at once");
  assert.deepEqual(await logged(bench), ["populate queued", "populate failed ZIP_CORRUPT"]);

  bench.archive.putLines(torn, linesOf(walkOf(torn, 1000 + 2 * bench.perDay, bench.perDay)));
  assert.equal((await bench.run(["heal", "replay"])).code, 0);
  await heal(bench, words);
  await queueDone(fleet);
  assert.equal((await heal(bench, words)).code, 0);
  assert.deepEqual((await logged(bench)).slice(2), ["populate queued", "populate healed"]);
});

/** Nothing can be put behind what is built so far, here or on a host. */
async function benchWithDamage(): Promise<Bench> {
  const bench = new Bench(size);
  const built = await bench.populate(["--end-date", dayOf(bench, 1)]);
  assert.equal(built.code, 0, built.stderr);
  const store = await openStore({ stateDirectory: bench.state });
  await store.command(
    "ALTER TABLE barkeep.coverage UPDATE checkpoint = 'AAAA' WHERE checkpoint != '' SETTINGS mutations_sync = 1",
  );
  await store.close();
  return bench;
}

/** The wait behind what was tried is over. */
function waited(bench: Bench): void {
  const file = new Database(ledgerPath(bench.state));
  file.exec("UPDATE heal_tries SET started_ms = started_ms - 3600000, ended_ms = ended_ms - 3600000");
  file.close();
}

test("a unit that no host's job can go on with is made anew here, and gone on with", async () => {
  const clean = await new Bench(size).cleanStatus();
  const bench = await benchWithDamage();
  const fleet = fleetOfHere();
  const words = ["--fleet", fleet, "--host", "here"];
  assert.match((await heal(bench, words)).stdout, /trailing .*: the fleet's queues have it\n/);
  await queueDone(fleet);
  const failed = await heal(bench, words);
  assert.match(failed.stdout, /the last try ended with CHECKPOINT_CORRUPT; the next one is due/, failed.stderr);
  waited(bench);
  const healed = await heal(bench, words);
  assert.equal(healed.code, 0, healed.stdout + healed.stderr);
  assert.deepEqual(
    (await bench.status()).map(({ digest, bars }) => [digest, bars]),
    clean.map(({ digest, bars }) => [digest, bars]),
  );
  assert.deepEqual(await logged(bench), ["populate queued", "populate failed CHECKPOINT_CORRUPT", "populate healed"]);
});

test("a replay forgets how often a gap was tried, not what its job ended with: the unit goes to no host again", async () => {
  const bench = await benchWithDamage();
  const fleet = fleetOfHere();
  const words = ["--fleet", fleet, "--host", "here"];
  assert.match((await heal(bench, words)).stdout, /trailing .*: the fleet's queues have it\n/);
  await queueDone(fleet);
  const replayed = await bench.run(["heal", "replay"]);
  assert.match(replayed.stdout, /1 earlier tries count no more/);
  const healed = await heal(bench, words);
  assert.equal(healed.code, 0, healed.stdout + healed.stderr);
  assert.deepEqual(await logged(bench), ["populate queued", "populate failed CHECKPOINT_CORRUPT", "populate healed"]);
});

test("what failed here too, for another reason, is not given to the host once more that could not go on with it", async () => {
  const bench = await benchWithDamage();
  const fleet = fleetOfHere();
  const words = ["--fleet", fleet, "--host", "here"];
  await heal(bench, words);
  await queueDone(fleet);
  await heal(bench, words);
  const day = dayOf(bench, 1);
  bench.archive.putZip(day, Buffer.from("this is no zip"));
  waited(bench);
  const torn = await heal(bench, words);
  assert.match(torn.stdout, /ZIP_CORRUPT/, torn.stderr);
  bench.archive.putLines(day, linesOf(walkOf(day, 1000 + bench.perDay, bench.perDay)));
  waited(bench);
  const healed = await heal(bench, words);
  assert.equal(healed.code, 0, healed.stdout + healed.stderr);
  assert.deepEqual(await logged(bench), [
    "populate queued",
    "populate failed CHECKPOINT_CORRUPT",
    "populate failed ZIP_CORRUPT",
    "populate healed",
  ]);
});

test("what a host has no room for was not tried, and is queued when there is some", async () => {
  const bench = new Bench(size);
  const built = await bench.populate(["--end-date", dayOf(bench, 1)]);
  assert.equal(built.code, 0, built.stderr);
  const fleet = fleetOfHere();
  const directory = join(dirname(fleet), "queued");
  const queue = new LocalQueue(join(directory, "queue"), "here");
  // Of a task that barkeep has not admitted nobody knows what it needs: as much as the host has.
  await queue.ensureGroups([{ name: "p2", parallel: 1 }]);
  await queue.enqueue([shellJob(directory, "of others", "exec sleep 600")]);
  const words = ["--fleet", fleet, "--host", "here"];
  const full = await heal(bench, words);
  assert.equal(full.code, 1, full.stderr);
  assert.match(full.stdout, /trailing .*: not queued yet on here: it asks for .* may run beside/);
  assert.deepEqual(await tried(bench), []);
  await queue.cancel((await queue.poll()).tasks, "kill");
  await until(queue, "of others", "done");
  const room = await heal(bench, words);
  assert.match(room.stdout, /trailing .*: the fleet's queues have it\n/);
  assert.deepEqual(await tried(bench), ["BTCUSDT@50:2024"]);
  await eventually("the job is done", async () => (await heal(bench, words)).code === 0);
});

test("with hosts, no days are built here: of history as much is begun as may be, there and here together", async () => {
  const bench = new Bench({ ...size, firstDay: "2024-02-28" });
  const month = ["--segment", "month", "--end-date", bench.firstDay];
  assert.equal((await bench.populate(month)).code, 0);
  const fleet = fleetOfHere();
  const words = ["--fleet", fleet, "--host", "here"];
  const pass = await heal(bench, words);
  assert.match(pass.stdout, /BTCUSDT@50:2024-02: trailing .*: the fleet's queues have it\n/, pass.stderr);
  assert.match(pass.stdout, /BTCUSDT@50:2024-03: trailing .*: this pass has begun as much as it may/);
  assert.deepEqual(await logged(bench), ["populate queued"]);
  await queueDone(fleet);
  await heal(bench, words);
  await queueDone(fleet);
  assert.equal((await heal(bench, words)).code, 0);
  assert.deepEqual(await logged(bench), ["populate queued", "populate healed", "populate queued", "populate healed"]);
});

test("history that no host takes keeps no later one from being queued, nor what is made here", async () => {
  const bench = new Bench({ ...size, firstDay: "2024-02-28" });
  const march = dayOf(bench, 2);
  // At 50 the last of February is missing, at 100 what there is of March.
  for (const more of [
    ["--start-date", march],
    ["--end-date", bench.firstDay],
    ["--threshold", "100", "--end-date", dayOf(bench, 1)],
  ]) {
    assert.equal((await bench.populate(["--segment", "month", ...more])).code, 0);
  }
  const fleet = fleetOfHere("thresholds = [100]\n");
  const words = ["--fleet", fleet, "--host", "here"];
  const pass = await heal(bench, words);
  assert.match(pass.stdout, /BTCUSDT@50:2024-02: interior .*: no host takes it: /, pass.stderr);
  assert.deepEqual(await tried(bench), ["BTCUSDT@100:2024-03"]);
  await queueDone(fleet);
  await heal(bench, words);
  assert.deepEqual(await logged(bench), ["populate queued", "populate healed"]);
});

test("a drained host is told as what keeps its repairs back, and only those: units are made anew here all the same", async () => {
  const bench = await benchWithHole();
  // Another unit lacks its last days, which a host is to build.
  const more = ["--threshold", "100", "--end-date", dayOf(bench, 2)];
  assert.equal((await bench.populate(more)).code, 0);
  const fleet = fleetOfHere();
  const drained = await bench.run(["drain", "here", "--fleet", fleet]);
  assert.equal(drained.code, 0, drained.stderr);
  const words = ["--fleet", fleet, "--host", "here", "--max-p2-jobs", "9"];
  const pass = await heal(bench, words);
  assert.equal(pass.code, 1, pass.stdout + pass.stderr);
  assert.match(pass.stdout, /BTCUSDT@50:2024 .*interior .* healed/);
  assert.match(
    pass.stdout,
    /BTCUSDT@100:2024: trailing .*: here is drained: nothing is queued there: barkeep undrain here/,
  );
  assert.deepEqual(await tried(bench), ["BTCUSDT@50:2024"]);
  assert.equal((await bench.run(["undrain", "here", "--fleet", fleet])).code, 0);
  await eventually("the job is done", async () => (await heal(bench, words)).code === 0);
});

/**
 * A daemon through one long repair: it begins with a disabled symbol, is told of an edit of the registry, repairs, and is ended.
 * @param socket where it tells systemd of itself; undefined where nobody listens
 */
async function daemonThroughARepair(socket: NotifySocket | undefined): Promise<void> {
  const bench = new Bench(size);
  const clean = await bench.cleanStatus();
  const built = await bench.populate(["--end-date", dayOf(bench, 1)]);
  assert.equal(built.code, 0, built.stderr);
  await using server = new ArchiveServer(bench.archive.root);
  const url = await server.start();
  const release = Promise.withResolvers<void>();
  server.holds.set(`${bench.lastDay}.zip`, release.promise);
  writeFileSync(bench.symbols, minimalRegistry().replace("enabled = true", "enabled = false"));

  const watched = socket === undefined ? {} : { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "600000" };
  const env = { ...watched, ...clockAt(`${addDays(bench.lastDay, 1)}T12:00:00Z`) };
  await using daemon = start(bench, ["--daemon", "--archive", url], env);
  const exit = once(daemon, "exit");
  daemon.stderr.resume();
  const lines = createInterface({ input: daemon.stdout })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, "no gaps", "a disabled symbol is nobody's trouble");
  await socket?.until((sent) => sent.includes("READY=1") && sent.some((one) => one.includes("next look in 1800 s")));

  writeFileSync(bench.symbols, minimalRegistry());
  daemon.kill("SIGHUP");
  await asked(server, bench.lastDay);
  const before = socket?.count("WATCHDOG=1") ?? 0;
  await socket?.until((sent) => sent.filter((one) => one === "WATCHDOG=1").length >= before + 3);
  release.resolve();
  let line = "";
  while (!line.includes("gaps healed")) line = String((await lines.next()).value);
  assert.equal(line, "1 of 1 gaps healed, 0 left");

  daemon.kill("SIGTERM");
  assert.deepEqual(await exit, [0, null]);
  await socket?.until((sent) => sent.includes("STOPPING=1"));
  assert.deepEqual(await bench.status(), clean);
}

test("S-29 the daemon sees an edit of the registry and ends when told to", { timeout: 180_000 }, async () => {
  await daemonThroughARepair(undefined);
});

test(
  "D-29 systemd hears from the daemon that it is ready, that it is alive in a long repair, and that it stops",
  { timeout: 180_000, skip: skipWithoutNotify },
  async () => {
    await using socket = await NotifySocket.open();
    await daemonThroughARepair(socket);
  },
);
