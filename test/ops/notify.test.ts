import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { openLedger } from "../../lib/ledger/index.ts";
import { recordLook } from "../../lib/watch/record-look.ts";
import { Bench } from "../rig/bench.ts";
import { BotApi } from "../rig/bot-api.ts";
import { clockAt } from "../rig/clock.ts";
import { HttpRecorder } from "../rig/http-recorder.ts";
import { barkeep, temporaryFolder, type Outcome } from "./run.ts";

function stateWithHole(): string {
  const state = join(temporaryFolder("notify"), "state");
  using ledger = openLedger(state);
  recordLook(ledger, {
    source: "test",
    examined: [],
    findings: [
      {
        kind: "gap-interior",
        subject: "range:binance/spot/BTCUSDT@250",
        place: "2024-03-01",
        verdict: "wrong",
        summary: "ids 5 … 9 are missing",
        evidence: { ids: "5..9" },
      },
    ],
  });
  return state;
}

test("S-33 sending is off unless this machine's settings say otherwise, whatever tokens there are", async () => {
  await using bot = await new BotApi().start();
  // A file of settings may switch it on where the tests run.
  const env = { ...bot.env, BARKEEP_NOTIFY: "", BARKEEP_SETTINGS: "off" };
  const { code, stderr } = await barkeep(["notify", "test", "--state", stateWithHole()], env);
  assert.equal(code, 4);
  assert.match(stderr, /sending is switched off on this machine[^]*set BARKEEP_NOTIFY=telegram[^]*\(NOTIFY_OFF\)/);
  assert.deepEqual(bot.requests, []);
});

test("S-33 a test's programs reach no Telegram but the rig's, with the switch of a production machine too", async () => {
  const env = { BARKEEP_NOTIFY: "telegram,ping", RANGEBAR_TELEGRAM_TOKEN: "1:x", RANGEBAR_TELEGRAM_CHAT_ID: "-1" };
  const { code, stderr } = await barkeep(["notify", "test", "--state", stateWithHole()], env);
  assert.equal(code, 4);
  assert.match(stderr, /a test must not send to api\.telegram\.org[^]*\(NOTIFY_IN_TEST\)/);
});

test("a channel without its settings, and one that is none, are told with the setting's name", async () => {
  const state = stateWithHole();
  const lacking = await barkeep(["notify", "test", "--state", state], { BARKEEP_NOTIFY: "webhook" });
  assert.equal(lacking.code, 3);
  assert.match(lacking.stderr, /BARKEEP_WEBHOOK_URL is not set/);
  const unknown = await barkeep(["notify", "test", "--state", state], { BARKEEP_NOTIFY: "telegram,pigeon" });
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, /"pigeon" is not one of telegram, webhook, console, ping/);
  const bad = await barkeep(["notify", "list", "--state", state], { BARKEEP_PING_URL: "my-secret" });
  assert.equal(bad.code, 3);
  assert.doesNotMatch(bad.stderr, /my-secret/);
});

test("notify test sends what waits and a test through each channel; where one fails, exit 2 and the reason without the token", async () => {
  await using bot = await new BotApi().start();
  const state = stateWithHole();
  bot.fail("sendMessage", { kind: "error" });
  const failed = await barkeep(["notify", "test", "--state", state], bot.env);
  assert.equal(failed.code, 2);
  assert.match(failed.stdout, /telegram: 500 Internal Server Error/);
  await bot.goOffline();
  const offline = await barkeep(["notify", "test", "--state", state], bot.env);
  assert.equal(offline.code, 2);
  assert.ok(!`${offline.stdout}${offline.stderr}`.includes(bot.token));
  const listed = await barkeep(["notify", "list", "--state", state], bot.env);
  assert.equal(listed.code, 1);
  assert.match(listed.stdout, /2 messages wait[^]*telegram: failing for .* 2 times: .*ECONNREFUSED/);
  await bot.start();
  const sent = await barkeep(["notify", "test", "--state", state], bot.env);
  assert.equal(sent.code, 0, sent.stdout);
  assert.deepEqual(
    bot.messages.map(({ text }) => text.split("\n")[0]?.replace(/ on .*/, "")),
    ["🔴 Something is wrong", "A test of barkeep"],
  );
});

test("notify test asks the dead-man's switch too, and it alone where nothing else is named", async () => {
  await using pings = await new HttpRecorder().start();
  const env = { BARKEEP_NOTIFY: "ping", BARKEEP_PING_URL: `${pings.url}/check` };
  const state = stateWithHole();
  const well = await barkeep(["notify", "test", "--state", state], env);
  assert.deepEqual([well.code, well.stdout], [0, "ping: the dead-man's switch has answered"]);
  assert.deepEqual(
    pings.requests.map(({ path }) => path),
    ["/check/log"],
  );
  pings.answers.push({ status: 500 }, { status: 500 });
  const failed = await barkeep(["notify", "test", "--state", state, "--json"], env);
  assert.equal(failed.code, 2);
  assert.deepEqual(JSON.parse(failed.stdout), { version: 1, sent: 0, waiting: 1, failures: [], pinged: false });
  const listed = await barkeep(["notify", "list", "--state", state], env);
  assert.match(listed.stdout, /ping: failing for .*answers 500/);
});

test("detect-gaps sends what it found by itself, where this machine may send: a host may have no heartbeat", async () => {
  await using bot = await new BotApi().start();
  const bench = new Bench();
  assert.equal((await bench.populate(["--end-date", bench.firstDay])).code, 0);
  let minute = 10;
  /** A minute behind the one before: what was said is said again where the clock stands before that. */
  const look = async (more: readonly string[] = [], env: Record<string, string> = {}): Promise<Outcome> => {
    const clock = clockAt(`2024-03-07T03:${(minute += 1)}:00Z`);
    return bench.run(["detect-gaps", "--archive", bench.archive.root, ...more], { ...bot.env, ...clock, ...env });
  };
  assert.equal((await look(["--no-notify"])).code, 1);
  assert.equal((await look([], { BARKEEP_NOTIFY: "" })).code, 1);
  assert.deepEqual(bot.requests, []);
  assert.equal((await look()).code, 1);
  assert.deepEqual(
    bot.messages.map(({ text }) => /days are missing at the end of a series/.test(text)),
    [true],
  );
  await bot.goOffline();
  assert.equal((await bench.populate()).code, 0);
  const healed = await look();
  assert.equal(healed.code, 0, "a channel that is away changes no verdict");
  assert.match(healed.stderr, /telegram: .*ECONNREFUSED/);
});

test("detect-gaps tells of a channel without its settings before it looks: one document, exit 3; with --no-notify it needs none", async () => {
  const bench = new Bench();
  assert.equal((await bench.populate()).code, 0);
  const words = ["detect-gaps", "--json", "--archive", bench.archive.root];
  const env = { BARKEEP_NOTIFY: "telegram", ...clockAt("2024-03-07T03:00:00Z") };
  const lacking = await bench.run(words, env);
  assert.equal(lacking.code, 3, lacking.stderr);
  assert.match(JSON.stringify(JSON.parse(lacking.stdout)), /NOTIFY_INCOMPLETE/);
  assert.equal((await bench.run([...words, "--no-notify"], env)).code, 0);
});

test("the console channel prints on stderr: stdout is one document under --json", async () => {
  const { code, stdout, stderr } = await barkeep(["notify", "test", "--json", "--state", stateWithHole()], {
    BARKEEP_NOTIFY: "console",
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { version: 1, sent: 2, waiting: 0, failures: [], pinged: null });
  assert.match(stderr, /Something is wrong on [^]*A test of barkeep on /);
});

test("incidents are listed and shown, acked and snoozed, by number; what there is none of is told", async () => {
  const state = stateWithHole();
  const listed = await barkeep(["incidents", "--state", state]);
  assert.equal(listed.code, 1);
  assert.match(listed.stdout, /1 {2}open {3}critical .*BTCUSDT@250, 2024-03-01: there is a hole/);
  const shown = await barkeep(["incidents", "1", "--state", state]);
  assert.match(shown.stdout, /ids: 5\.\.9[^]*docs\/alerts\.md#gap-interior/);
  assert.match((await barkeep(["notify", "ack", "1", "--state", state])).stdout, /#1 acked/);
  assert.match(
    (await barkeep(["notify", "snooze", "1", "--hours", "24", "--state", state])).stdout,
    /#1 silent for 24 h/,
  );
  const forEver = await barkeep(["notify", "snooze", "1", "--hours", "168.5", "--state", state]);
  assert.equal(forEver.code, 3);
  assert.match(forEver.stderr, /168\.5 is too much.*at most 168/s);
  const { stdout } = await barkeep(["incidents", "--state", state, "--json"]);
  const document = z.object({ incidents: z.array(z.object({ state: z.string(), runbook: z.string() })) });
  assert.deepEqual(document.parse(JSON.parse(stdout)).incidents, [
    { state: "snoozed", runbook: "docs/alerts.md#gap-interior" },
  ]);
  const none = await barkeep(["notify", "ack", "7", "--state", state]);
  assert.equal(none.code, 3);
  assert.match(none.stderr, /UNKNOWN_INCIDENT/);
});

/** The one message of {@link stateWithHole}, which a webhook has refused for itself. */
function stateWithRefusal(): string {
  const state = stateWithHole();
  using ledger = openLedger(state);
  const [message] = ledger.outbox.waiting();
  assert.ok(message !== undefined);
  for (const [channel, outcome] of [
    ["webhook", { result: "failed", reason: "the webhook answers 413", isOfMessage: true }],
    ["telegram", { result: "sent" }],
  ] as const) {
    const claim = ledger.deliveries.claim(message, channel);
    assert.ok(typeof claim === "object");
    ledger.deliveries.finish(claim, outcome);
    ledger.deliveries.release(claim);
  }
  return state;
}

test("a message that waits is withdrawn by its number: it is tried no more, and listed with who did it", async () => {
  const state = stateWithRefusal();
  const planned = await barkeep(["notify", "withdraw", "1", "--plan", "--state", state]);
  assert.deepEqual(
    [planned.code, planned.stdout],
    [0, "message 1 would be withdrawn; telegram got it; what lasts of #1 is said again when that is due"],
  );
  const refused = await barkeep(["notify", "list", "--state", state]);
  assert.match(refused.stdout, /^1 messages wait\n1 {2}opened .*\nwebhook has refused message 1 for/);

  const { code, stdout } = await barkeep(["notify", "withdraw", "#1", "1", "--state", state, "--json"]);
  assert.equal(code, 0);
  const document = z.object({
    done: z.boolean(),
    withdrawn: z.array(z.object({ id: z.number(), incidents: z.array(z.number()), delivered_by: z.array(z.string()) })),
  });
  assert.deepEqual(document.parse(JSON.parse(stdout)), {
    done: true,
    withdrawn: [{ id: 1, incidents: [1], delivered_by: ["telegram"] }],
  });
  const user = userInfo().username;
  const listed = await barkeep(["notify", "list", "--state", state]);
  assert.match(
    listed.stdout,
    new RegExp(`^no message waits\nmessage 1 was withdrawn by ${user} at .* UTC: 🔴 Something is wrong on .*`),
  );
  assert.doesNotMatch(listed.stdout, /has refused/);
  const shape = z.object({ withdrawn: z.array(z.object({ message: z.number(), by: z.string() })) });
  const asJson = await barkeep(["notify", "list", "--state", state, "--json"]);
  assert.deepEqual(shape.parse(JSON.parse(asJson.stdout)).withdrawn, [{ message: 1, by: user }]);
  const journal = await barkeep(["ledger", "journal", "--kind", "message.", "--state", state]);
  assert.match(journal.stdout, new RegExp(`message\\.withdrawn.*message 1.*${user}`));
});

test("what was sent, given up or withdrawn, and what there is none of, is not withdrawn, and nothing beside it", async () => {
  const state = stateWithRefusal();
  {
    using ledger = openLedger(state);
    for (const text of ["sent", "older", "newer"]) {
      const fingerprint = text === "sent" ? "one" : "other";
      ledger.outbox.replace({ fingerprint, severity: "info", text });
    }
    ledger.outbox.close(2, "sent");
  }
  const withdraw = async (...numbers: string[]): Promise<Outcome> =>
    barkeep(["notify", "withdraw", ...numbers, "--state", state]);
  const unknown = await withdraw("1", "9");
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, /there is no message "9"[^]*\(UNKNOWN_MESSAGE\)/);
  const sent = await withdraw("1", "2");
  assert.equal(sent.code, 4);
  assert.match(sent.stderr, /message 2 was sent[^]*\(MESSAGE_NOT_WAITING\)/);
  const replaced = await withdraw("3", "--plan");
  assert.equal(replaced.code, 4);
  assert.match(replaced.stderr, /message 3 has been given up/);
  assert.match((await barkeep(["notify", "list", "--state", state])).stdout, /^2 messages wait/);

  assert.equal((await withdraw("1")).code, 0);
  const again = await withdraw("1");
  assert.equal(again.code, 4);
  assert.match(again.stderr, new RegExp(`message 1 was withdrawn by ${userInfo().username}`));
});
