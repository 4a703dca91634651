import assert from "node:assert/strict";
import { cpSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import Database from "better-sqlite3";
import { z } from "zod";
import { ledgerPath, openExistingLedger } from "../../lib/ledger/index.ts";
import { openEmbedded } from "../../lib/store/store.ts";
import { Bench, newState } from "../rig/bench.ts";
import { BotApi } from "../rig/bot-api.ts";
import { clockAt } from "../rig/clock.ts";
import { RunningCommand } from "../rig/command.ts";
import { HttpRecorder } from "../rig/http-recorder.ts";
import { freePort } from "../rig/ports.ts";
import { minimalRegistry } from "../rig/registry.ts";
import { barkeep, temporaryFolder, type Outcome } from "./run.ts";

const documentShape = z.object({
  result: z.enum(["clean", "findings", "partial"]),
  parts: z.array(z.object({ name: z.string(), state: z.string() })),
  findings: z.array(z.object({ kind: z.string(), subject: z.string(), verdict: z.string() })),
  opened: z.array(z.number()),
  resolved: z.array(z.number()),
  incidents: z.array(z.object({ id: z.number(), kind: z.string(), state: z.string() })),
});

/** The morning after the bench's archive ends: everything in it is fresh. */
const morning = "2024-03-07T03";

/** Two published days; the state that has both, and the one that lacks the second. */
const whole = new Bench();
const lacking = newState();
before(async () => {
  const built = await Promise.all([
    whole.populate(),
    whole.populate(["--state", lacking, "--end-date", whole.firstDay]),
  ]);
  for (const { code, stderr } of built) assert.equal(code, 0, stderr);
});

/** Runs of the heartbeat over a copy of a state, each of them a minute behind the one before. */
class Heart {
  readonly state = newState();
  readonly #env: Readonly<Record<string, string>>;
  #minute = 0;

  constructor(from: string, env: Readonly<Record<string, string>> = {}) {
    cpSync(from, this.state, { recursive: true });
    this.#env = env;
  }

  /** For the next run. */
  nextEnv(): Record<string, string> {
    const minute = String(this.#minute).padStart(2, "0");
    this.#minute += 1;
    return { ...clockAt(`${morning}:${minute}:00Z`), ...this.#env };
  }

  words(...more: readonly string[]): string[] {
    const symbols = more.includes("--symbols") ? [] : ["--symbols", whole.symbols];
    return ["heartbeat", ...more, "--archive", whole.archive.root, "--state", this.state, ...symbols];
  }

  async once(env: Readonly<Record<string, string>> = {}, ...more: readonly string[]): Promise<Outcome> {
    return barkeep(this.words("--once", ...more), { ...this.nextEnv(), ...env });
  }

  async document(
    env: Readonly<Record<string, string>> = {},
    ...more: readonly string[]
  ): Promise<z.infer<typeof documentShape>> {
    const { stdout, stderr } = await this.once(env, "--json", ...more);
    assert.notEqual(stdout, "", stderr);
    return documentShape.parse(JSON.parse(stdout));
  }

  /** Changes rows of the store behind the program's back. */
  async harm(statement: string): Promise<void> {
    const store = await openEmbedded(this.state);
    await store.command(`${statement} SETTINGS mutations_sync = 2`);
    await store.close();
  }
}

test("S-26 all is well: a silent message that goes; whoever is killed before leaves it to the next run", async () => {
  await using bot = await new BotApi().start();
  const heart = new Heart(whole.state, bot.env);
  const first = new RunningCommand(heart.words("--once"), heart.nextEnv());
  await bot.until(1);
  using ledger = openExistingLedger(heart.state);
  while (ledger.deliveries.dueForDeletion("telegram", Number.MAX_SAFE_INTEGER).length === 0) await delay(10);
  await first.end("SIGKILL");
  const [green] = bot.messages;
  assert.match(green?.text ?? "", /^✅ All is well on [^]*1 series, 0 gaps/);
  assert.equal(green?.isSilent, true);
  assert.deepEqual(green?.buttons, []);
  assert.deepEqual(bot.shown, [green]);
  const second = new RunningCommand(heart.words("--once"), { ...heart.nextEnv(), ...clockAt(`${morning}:15:00Z`) });
  await bot.until(2);
  while (bot.messages[0]?.isDeleted !== true) await delay(10);
  await second.end("SIGTERM");
  assert.equal(bot.shown.length, 1, "the second run's own stays for its two minutes");
});

test("a hole: a red message with buttons that work, an incident; filled, it is over and said to be", async () => {
  await using bot = await new BotApi().start();
  await using pings = await new HttpRecorder().start();
  const heart = new Heart(lacking, {
    ...bot.env,
    BARKEEP_NOTIFY: "telegram,ping",
    BARKEEP_PING_URL: `${pings.url}/check`,
  });
  const red = await heart.once();
  assert.equal(red.code, 1, red.stderr);
  assert.match(red.stdout, /gap-trailing range:binance\/spot\/BTCUSDT@50: 2024-03-06/);
  const [message] = bot.messages;
  assert.match(
    message?.text ?? "",
    /days are missing at the end of a series[^]*barkeep explain 1 · docs\/alerts\.md#gap-trailing/,
  );
  assert.deepEqual(
    pings.requests.map(({ path }) => path),
    ["/check/start", "/check"],
    "a pass that looked at everything is a success, whatever it found",
  );
  assert.ok(message !== undefined);
  bot.press(message, "ack");
  assert.equal((await heart.document()).incidents[0]?.state, "acked");
  assert.deepEqual(bot.answers, ["Acked #1."]);
  assert.equal((await whole.populate(["--state", heart.state])).code, 0);
  const healed = await heart.document();
  assert.deepEqual(healed.resolved, [1]);
  assert.equal(healed.result, "clean");
  assert.match(bot.messages.at(-1)?.text ?? "", /^✅ Over on [^]*#1 /);
  assert.equal(bot.messages.length, 2);
});

test("a store that is down is unknown, exit 2, and ends no incident; the dead-man's switch hears of it", async () => {
  await using pings = await new HttpRecorder().start();
  const heart = new Heart(lacking, { BARKEEP_NOTIFY: "ping", BARKEEP_PING_URL: pings.url });
  assert.equal((await heart.once()).code, 1);
  const away = { CLICKHOUSE_URL: `http://127.0.0.1:${await freePort()}` };
  assert.equal((await heart.once(away)).code, 2);
  const down = await heart.document(away);
  assert.equal(down.result, "partial");
  assert.deepEqual(down.findings, [{ kind: "store-unreachable", subject: "store", verdict: "unknown" }]);
  assert.deepEqual(
    down.incidents.map(({ kind, state }) => [kind, state]),
    [
      ["gap-trailing", "open"],
      ["store-unreachable", "open"],
    ],
  );
  assert.deepEqual(
    pings.requests.map(({ path }) => path),
    ["/start", "/", "/start", "/fail", "/start", "/fail"],
  );
});

/** The last attempt at a unit ended because the store was away. */
function failToWrite(state: string, unit = "BTCUSDT@50:2024"): void {
  using ledger = openExistingLedger(state);
  const [id = 0n] = ledger.attempts.start([{ unit, build: 1, attempt: 1n }]);
  ledger.attempts.end(id, { kind: "failed", code: "STORE_AWAY", trades: 0n, bars: 0 });
}

test("S-24 a failed write of a symbol that nobody keeps is nobody's trouble; of a kept one it is, until the unit is whole", async () => {
  const [kept, left] = [new Heart(lacking), new Heart(lacking)];
  for (const { state } of [kept, left]) failToWrite(state);
  assert.deepEqual(
    (await kept.document()).findings.map(({ kind }) => kind),
    ["gap-trailing", "store-write-failed"],
  );
  assert.deepEqual((await left.document({}, "--symbols", disabledRegistry())).findings, []);
});

test("S-24 a failed write is told where no archive was asked, or none has answered: whether its unit is whole is not known then", async () => {
  const archive = join(temporaryFolder("away"), "archive");
  cpSync(whole.archive.root, archive, { recursive: true });
  const heart = new Heart(whole.state);
  const look = async (code: number, more: readonly string[]): Promise<Outcome> => {
    const words = ["heartbeat", "--once", "--json", "--state", heart.state, "--symbols", whole.symbols, ...more];
    const outcome = await barkeep(words, heart.nextEnv());
    assert.equal(outcome.code, code, outcome.stderr);
    return outcome;
  };
  failToWrite(heart.state);
  await look(0, ["--archive", archive]);
  rmSync(archive, { recursive: true });
  for (const more of [[], ["--archive", archive]]) {
    const { findings } = documentShape.parse(JSON.parse((await look(2, more)).stdout));
    const failed = findings.filter(({ kind }) => kind !== "archive-unreachable");
    assert.deepEqual(failed, [{ kind: "store-write-failed", subject: "BTCUSDT@50:2024", verdict: "unknown" }]);
  }
});

test("S-24 of a unit that is built to the end of its year it is known without an archive, once that has been looked at", async () => {
  const bench = new Bench({ firstDay: "2023-12-30", days: 4 });
  const built = await bench.populate();
  assert.equal(built.code, 0, built.stderr);
  // A minute apart: an archive that was looked at in the same millisecond counts as asked.
  const looked = await bench.run(
    ["heartbeat", "--once", "--archive", bench.archive.root],
    clockAt("2024-01-03T03:00:00Z"),
  );
  assert.equal(looked.code, 0, looked.stdout);
  for (const year of ["2023", "2024"]) failToWrite(bench.state, `BTCUSDT@50:${year}`);
  const { stdout } = await bench.run(["heartbeat", "--once", "--json"], clockAt("2024-01-03T03:01:00Z"));
  assert.deepEqual(documentShape.parse(JSON.parse(stdout)).findings, [
    { kind: "store-write-failed", subject: "BTCUSDT@50:2024", verdict: "unknown" },
  ]);
});

function disabledRegistry(): string {
  const file = join(temporaryFolder("disabled"), "symbols.toml");
  writeFileSync(file, minimalRegistry().replace("enabled = true", "enabled = false"));
  return file;
}

test("S-24 what becomes of a series that nobody keeps any more is no alarm, and ends those that there are", async () => {
  const heart = new Heart(whole.state);
  assert.equal((await heart.document()).result, "clean");
  await heart.harm("ALTER TABLE barkeep.coverage UPDATE checkpoint = 'AAAA' WHERE checkpoint != ''");
  const { opened } = await heart.document();
  assert.equal(opened.length, 2);
  const disabled = disabledRegistry();
  const left = await heart.document({}, "--symbols", disabled);
  assert.deepEqual([left.result, left.resolved], ["clean", opened]);
  const explained = await whole.run(["explain", String(opened[0])], {}, heart.state);
  assert.match(explained.stdout, /It is over since .*: its series is not maintained any more/);

  const sync = await barkeep(["ledger", "sync", "--symbols", disabled, "--state", heart.state]);
  assert.deepEqual([sync.code, /BTCUSDT@50/.test(sync.stdout)], [1, true], "who asks is told");
  assert.deepEqual((await heart.document({}, "--symbols", disabled)).resolved, []);
});

test("a host that SSH does not reach is unknown, and takes nothing from the other parts", async () => {
  const folder = temporaryFolder("fleet");
  const host =
    '[hosts.gone]\nssh = "gone"\ndirectory = "/srv/barkeep"\nqueue = "pueue"\nmemory_mb = 1000\njobs_max = 1\nstore_url = "http://localhost:8123"\n';
  writeFileSync(join(folder, "fleet.toml"), host);
  writeFileSync(
    join(folder, "ssh_config"),
    `Host gone\n  HostName 127.0.0.1\n  Port ${await freePort()}\n  User nobody\n`,
  );
  const fleet = ["--fleet", join(folder, "fleet.toml"), "--ssh-config", join(folder, "ssh_config")];
  const { parts, findings, result } = await new Heart(whole.state).document({}, ...fleet);
  assert.equal(result, "partial");
  assert.deepEqual(findings, [{ kind: "host-unreachable", subject: "host:gone", verdict: "unknown" }]);
  assert.equal(parts.find(({ name }) => name === "series")?.state, "well");
});

test("time that runs out is told with the parts that were not done, and ends nothing", async () => {
  const heart = new Heart(lacking);
  assert.equal((await heart.once()).code, 1);
  const { result, findings, incidents } = await heart.document({}, "--budget", "0.001");
  assert.equal(result, "partial");
  assert.ok(findings.some(({ kind }) => kind === "heartbeat-partial"));
  assert.equal(incidents.find(({ kind }) => kind === "gap-trailing")?.state, "open");
});

test("a ledger that is locked: said past it, once an hour, and the dead-man's switch hears of it", async () => {
  await using bot = await new BotApi().start();
  await using pings = await new HttpRecorder().start();
  const heart = new Heart(whole.state, { ...bot.env, BARKEEP_NOTIFY: "telegram,ping", BARKEEP_PING_URL: pings.url });
  const lock = new Database(ledgerPath(heart.state));
  lock.exec("BEGIN IMMEDIATE");
  try {
    // The one behind the other: of two that wait for it together, both may say it.
    for (let i = 0; i < 2; i += 1) {
      const { code, stderr } = await heart.once();
      assert.equal(code, 2, stderr);
      assert.match(stderr, /LEDGER_LOCKED/);
    }
  } finally {
    lock.exec("ROLLBACK");
    lock.close();
  }
  assert.equal(bot.messages.length, 1);
  assert.match(bot.messages[0]?.text ?? "", /^🔴 the ledger cannot be used on [^]*docs\/alerts\.md#ledger-unreadable/);
  const runs = pings.requests.map(({ path, query }) => [path, query.get("rid")]);
  assert.deepEqual(
    runs.map(([path]) => path),
    ["/start", "/fail", "/start", "/fail"],
  );
  assert.deepEqual([runs[0]?.[1], runs[2]?.[1]], [runs[1]?.[1], runs[3]?.[1]], "a run that began has ended");
});

test("a state directory that cannot be written: said once an hour, by the next run too, and by a service that runs on", async () => {
  await using bot = await new BotApi().start();
  await using pings = await new HttpRecorder().start();
  const folder = temporaryFolder("unwritable");
  const state = join(folder, "state");
  // Not even root writes into that.
  writeFileSync(state, "");
  const env = { ...bot.env, BARKEEP_NOTIFY: "telegram,ping", BARKEEP_PING_URL: pings.url, TMPDIR: folder };
  for (let i = 0; i < 2; i += 1) {
    const { code, stderr } = await barkeep(["heartbeat", "--once", "--state", state], env);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /STATE_NOT_WRITABLE/);
  }
  assert.equal(bot.messages.length, 1);
  const service = new RunningCommand(["heartbeat", "--every", "0.001", "--state", state], { ...env, TMPDIR: state });
  while (pings.requests.length < 5) await delay(10);
  assert.equal(await service.end("SIGTERM"), 130, service.stderr);
  assert.equal(bot.messages.length, 2, "where no file can be written, the process knows");
});

test("it runs on where nobody says --once: buttons are obeyed as they are pressed, an end by signal is clean", async () => {
  await using bot = await new BotApi().start();
  const heart = new Heart(lacking, bot.env);
  const running = new RunningCommand(heart.words(), heart.nextEnv());
  await bot.until(1);
  const [message] = bot.messages;
  assert.ok(message !== undefined);
  bot.press(message, "explain");
  await bot.until(2);
  assert.match(bot.messages[1]?.text ?? "", /The archive has days behind the last one that is covered/);
  bot.press(message, "ack");
  while (bot.answers.length < 2) await delay(10);
  assert.equal(await running.end("SIGTERM"), 130);
  using ledger = openExistingLedger(heart.state);
  assert.equal(ledger.incidents.byId(1)?.state, "acked");
  assert.equal(ledger.heartbeats.last()?.everyMs, 900_000);
});

test("a pass that a schedule runs stays for the buttons under its red message, and is on record as ended by then", async () => {
  await using bot = await new BotApi().start();
  const heart = new Heart(lacking, bot.env);
  const running = new RunningCommand(heart.words("--once", "--every", "15"), heart.nextEnv());
  await bot.until(1);
  const [message] = bot.messages;
  assert.ok(message !== undefined);
  // It asks for what was pressed when it begins, and again once it stays.
  while (bot.requests.filter((method) => method === "getUpdates").length < 2) await delay(10);
  // What it found is printed before.
  while (!/gap-trailing/.test(running.stdout)) await delay(10);
  using ledger = openExistingLedger(heart.state);
  const { endedMs, result } = ledger.heartbeats.last() ?? {};
  assert.deepEqual([typeof endedMs, result], ["number", "findings"]);
  bot.press(message, "ack");
  while (bot.answers.length < 1) await delay(10);
  assert.deepEqual(bot.answers, ["Acked #1."]);
  bot.press(message, "explain");
  await bot.until(2);
  assert.equal(running.hasEnded, false);
  assert.equal(await running.end("SIGTERM"), 1, running.stderr);
});

test("a ledger that is made anew under a heartbeat that runs on: nothing is said twice, and a button still does what it says", async () => {
  await using bot = await new BotApi().start();
  const heart = new Heart(lacking, bot.env);
  const running = new RunningCommand(heart.words(), heart.nextEnv());
  await bot.until(1);
  const [message] = bot.messages;
  assert.ok(message !== undefined);
  const rebuilt = await barkeep(["ledger", "rebuild", "--state", heart.state], heart.nextEnv());
  assert.equal(rebuilt.code, 0, rebuilt.stderr);
  bot.press(message, "ack");
  while (bot.answers.length < 1) await delay(10);
  assert.equal(await running.end("SIGTERM"), 130, running.stderr);
  assert.match(running.stderr, /^the ledger was made anew/m);
  using ledger = openExistingLedger(heart.state);
  assert.deepEqual([ledger.incidents.byId(1)?.state, bot.messages.length], ["acked", 1]);
});

test("a checkpoint that was damaged in the store is said until its unit is made anew, as the change itself is; and again when that is undone", async () => {
  await using bot = await new BotApi().start();
  const heart = new Heart(whole.state, { ...bot.env, BARKEEP_NOTIFY: "telegram" });
  // The heartbeat would stay for its green message's two minutes.
  assert.equal((await heart.document({ BARKEEP_NOTIFY: "off" })).result, "clean");
  await heart.harm("ALTER TABLE barkeep.coverage UPDATE checkpoint = 'AAAA' WHERE checkpoint != ''");
  const damaged = await heart.document();
  assert.equal(damaged.result, "findings");
  const subject = "range:binance/spot/BTCUSDT@50";
  assert.deepEqual(damaged.findings, [
    { kind: "checkpoint-differs", subject, verdict: "wrong" },
    { kind: "store-differs", subject, verdict: "wrong" },
  ]);
  assert.match(bot.messages[0]?.text ?? "", /a checkpoint does not fit[^]*docs\/alerts\.md#checkpoint-differs/);

  // What the runbook says.
  const anew = await whole.run(
    ["rebuild", "BTCUSDT@50", "--reason", "a test", "--archive", whole.archive.root],
    {},
    heart.state,
  );
  assert.equal(anew.code, 0, anew.stderr);
  const rebuilt = await heart.document();
  assert.deepEqual([rebuilt.result, rebuilt.resolved], ["clean", damaged.opened]);
  assert.ok(
    bot.messages.some(({ text }) => /things are over[^]*BTCUSDT@50:2024#1: [^]*build 2 has taken its place/.test(text)),
  );
  const store = damaged.incidents.find(({ kind }) => kind === "store-differs")?.id;
  const explained = await whole.run(["explain", String(store)], {}, heart.state);
  assert.match(explained.stdout, /It is over since .*: build 2 has taken its place\./);

  const undone = await whole.run(["undo", "BTCUSDT@50:2024#2"], {}, heart.state);
  assert.equal(undone.code, 0, undone.stderr);
  const again = await heart.document();
  assert.deepEqual(again.findings, damaged.findings);
  const accepted = await whole.run(["ledger", "accept", "--reason", "a test"], {}, heart.state);
  assert.equal(accepted.code, 0, accepted.stderr);
  const left = await heart.document();
  assert.deepEqual(
    left.findings.map(({ kind }) => kind),
    ["checkpoint-differs"],
    "what readers see is not to be gone on from, whatever was accepted",
  );
});

for (const { what, harm, kinds, differs } of [
  {
    what: "coverage of a day is lost",
    harm: `ALTER TABLE barkeep.coverage DELETE WHERE day = '${whole.firstDay}'`,
    kinds: ["gap-leading", "store-differs"],
    differs: "the store lacks 1 rows of coverage that it had, has 0 otherwise and 0 more than once",
  },
  {
    what: "coverage of the last day is lost",
    harm: `ALTER TABLE barkeep.coverage DELETE WHERE day > '${whole.firstDay}'`,
    // Both days are of one commit, and its checkpoint is of its end.
    kinds: ["gap-trailing", "checkpoint-differs", "store-differs"],
    differs: "the store lacks 1 rows of coverage that it had, has 0 otherwise and 0 more than once",
  },
  {
    what: "a row of coverage is there twice",
    harm: `INSERT INTO barkeep.coverage SELECT * FROM barkeep.coverage WHERE day = '${whole.firstDay}'`,
    kinds: ["gap-overlap", "store-differs"],
    differs: "the store lacks 0 rows of coverage that it had, has 0 otherwise and 1 more than once",
  },
]) {
  test(`${what}: red; healed, the next heartbeat is clean and says what ended it, and a sync still lists it`, async () => {
    await using bot = await new BotApi().start();
    const heart = new Heart(whole.state, { ...bot.env, BARKEEP_NOTIFY: "telegram" });
    assert.equal((await heart.document({ BARKEEP_NOTIFY: "off" })).result, "clean");
    await heart.harm(harm);
    const red = await heart.document();
    assert.deepEqual(
      red.findings.map(({ kind }) => kind),
      kinds,
    );
    assert.ok(bot.messages[0]?.text.includes(differs), bot.messages[0]?.text);
    const healed = await whole.run(
      ["heal", "--archive", whole.archive.root],
      clockAt(`${morning}:30:00Z`),
      heart.state,
    );
    assert.equal(healed.code, 0, healed.stdout + healed.stderr);
    const [clean] = await whole.status();
    assert.deepEqual(await whole.status({}, heart.state), [clean]);

    const green = await heart.document();
    assert.deepEqual([green.result, green.resolved], ["clean", red.opened]);
    assert.match(bot.messages[1]?.text ?? "", /are over[^]*build 2 has taken its place/);
    const synced = await whole.run(["ledger", "sync"], {}, heart.state);
    assert.equal(synced.code, 0, synced.stderr);
    assert.match(synced.stdout, /^BTCUSDT@50:2024#1 .*build 2 has taken its place$/m);
    const accepted = await whole.run(["ledger", "accept", "--reason", "a test"], {}, heart.state);
    assert.match(accepted.stdout, /^1 rows accepted$/m);
    assert.doesNotMatch((await whole.run(["ledger", "sync"], {}, heart.state)).stdout, /#1/);
  });
}

test("coverage that is gone from the store, with its bars still there: what the ledger had seen is missed", async () => {
  const heart = new Heart(whole.state);
  assert.equal((await heart.document()).result, "clean");
  await heart.harm(`ALTER TABLE barkeep.coverage DELETE WHERE day = '${whole.lastDay}'`);
  const lost = await heart.once();
  assert.equal(lost.code, 1, lost.stderr);
  assert.match(lost.stdout, /^store-differs range:\S+@50 BTCUSDT@50:2024#1: the store lacks 1 rows of coverage/m);
  assert.match(lost.stdout, /^checkpoint-differs \S+ BTCUSDT@50:2024: its last commit carries no checkpoint/m);
  assert.match(lost.stdout, new RegExp(`^gap-trailing .* ${whole.lastDay}`, "m"));
});

test("what a person finds who reads along on a console reaches the heartbeat's webhook too, after a day without a message", async () => {
  await using hook = await new HttpRecorder().start();
  const env = { BARKEEP_NOTIFY: "webhook", BARKEEP_WEBHOOK_URL: hook.url };
  const heart = new Heart(whole.state, env);
  assert.equal((await heart.document()).result, "clean");
  await heart.harm(`ALTER TABLE barkeep.coverage DELETE WHERE day = '${whole.lastDay}'`);
  const byHand = { ...heart.nextEnv(), BARKEEP_NOTIFY: "console" };
  const found = await whole.run(["detect-gaps", "--archive", whole.archive.root], byHand, heart.state);
  assert.deepEqual([found.code, /days are missing/.test(found.stderr)], [1, true], found.stderr);
  assert.equal(hook.requests.length, 0);
  await heart.once();
  assert.match(hook.requests.map(({ body }) => body).join("\n"), /days are missing/);
});

test("passes that a schedule was to make and did not are an incident, over with the next one in time", async () => {
  const heart = new Heart(whole.state);
  const schedule = ["--every", "0.001"];
  assert.deepEqual((await heart.document({}, ...schedule)).findings, []);
  // The next one, 60 ms later: a pass alone takes longer.
  const late = await heart.document({}, "--every", "15");
  assert.deepEqual(late.findings, [{ kind: "heartbeat-missed", subject: "watch", verdict: "wrong" }]);
  assert.deepEqual(
    late.incidents.map(({ kind, state }) => [kind, state]),
    [["heartbeat-missed", "open"]],
  );
  const timely = await heart.document({}, "--every", "15");
  assert.deepEqual([timely.result, timely.resolved], ["clean", late.opened]);
  assert.equal((await heart.document({}, ...schedule)).result, "clean");
  assert.equal((await heart.document()).findings[0]?.kind, "heartbeat-missed");
  const byHand = await heart.document();
  assert.equal(byHand.findings[0]?.kind, "heartbeat-missed", "another one by hand makes up for no schedule");
});
