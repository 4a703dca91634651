import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageKind } from "../../lib/ledger/index.ts";
import { explainIncident } from "../../lib/watch/explain-incident.ts";
import { staysFor } from "../../lib/notify/attend.ts";
import { deletePassed } from "../../lib/notify/ephemeral.ts";
import { takeUpdates } from "../../lib/notify/updates.ts";
import { BotApi, type BotFault } from "../rig/bot-api.ts";
import { NotifyState } from "./state.ts";

const minute = 60_000;
const hour = 60 * minute;
const never = new AbortController().signal;
const repeat = /May be a repeat/;

async function takeAll(on: NotifyState): Promise<string | undefined> {
  const explain = (incident: Parameters<typeof explainIncident>[0]): string =>
    explainIncident(incident, on.ledger).join("\n");
  return takeUpdates(on.ledger, on.telegram, explain, 0, never);
}

test("S-25 behind 429, 500 and an outage, with text that looks like markup: later, escaped, once", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.open('<b unclosed & "quoted" <script>');
  bot.fail("sendMessage", { kind: "too-many", retryAfter: 40 });
  assert.match((await on.deliver()).failures[0]?.reason ?? "", /429 Too Many Requests/);
  on.clock.pass(39_000);
  assert.deepEqual(
    await on.deliver(),
    { sent: 0, waiting: 1, failures: [] },
    "it is left alone for as long as it asks",
  );
  bot.fail("sendMessage", { kind: "error" });
  on.clock.pass(2_000);
  assert.match((await on.deliver()).failures[0]?.reason ?? "", /500/);
  await bot.goOffline();
  on.clock.pass(10 * minute);
  assert.match((await on.deliver()).failures[0]?.reason ?? "", /ECONNREFUSED/);
  await bot.start();
  on.clock.pass(10 * minute);
  assert.deepEqual(await on.deliver(), { sent: 1, waiting: 0, failures: [] });
  on.clock.pass(hour);
  assert.deepEqual(await on.deliver(), { sent: 0, waiting: 0, failures: [] });
  assert.equal(bot.messages.length, 1);
  assert.match(bot.messages[0]?.text ?? "", /<b unclosed & "quoted" <script>/);
  assert.doesNotMatch(bot.messages[0]?.text ?? "", repeat, "it certainly had not arrived");
});

test("Telegram down for two hours: every message arrives afterwards, in order, once", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  await bot.goOffline();
  for (let i = 0; i < 8; i += 1) {
    on.open(`hole ${i}`, `2024-03-0${i + 1}`);
    await on.deliver();
    on.clock.pass(15 * minute);
  }
  const state = on.ledger.deliveries.channel("telegram");
  assert.ok(on.clock.wallMs() - (state.failingSinceMs ?? 0) >= 2 * hour - 15 * minute);
  await bot.start();
  on.clock.pass(15 * minute);
  await on.deliver();
  const [reminder, ...opened] = bot.messages.toSorted((a) => (/still wrong/i.test(a.text) ? -1 : 1));
  assert.match(reminder?.text ?? "", /still wrong/i, "several reminders that wait become one");
  assert.deepEqual(
    opened.map(({ text }) => /hole \d/.exec(text)?.[0]),
    Array.from({ length: 8 }, (_, i) => `hole ${i}`),
  );
  assert.equal(on.ledger.deliveries.channel("telegram").failures, 0);
});

const unclear: readonly BotFault[] = [{ kind: "lost-answer" }, { kind: "bad-gateway" }];
for (const fault of unclear) {
  test(`an outcome that nobody knows (${fault.kind}): sent again, saying that it may be a repeat`, async () => {
    await using bot = await new BotApi().start();
    using on = new NotifyState(bot);
    on.open();
    bot.fail("sendMessage", fault);
    assert.equal((await on.deliver()).waiting, 1);
    on.clock.pass(hour);
    assert.equal((await on.deliver()).waiting, 0);
    assert.equal(bot.messages.length, fault.kind === "lost-answer" ? 2 : 1);
    assert.match(bot.messages.at(-1)?.text ?? "", repeat);
    on.clock.pass(hour);
    assert.equal((await on.deliver()).sent, 0);
  });
}

test("a message that the bot does not take holds up no other; a chat that moved is followed", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.ledger.outbox.enqueue({ fingerprint: "empty", severity: "info", text: " " });
  on.open();
  bot.fail("sendMessage", { kind: "migrated", to: -1009999 });
  const first = await on.deliver();
  assert.match(first.failures[0]?.reason ?? "", /message text is empty/);
  assert.equal(first.sent, 1);
  assert.equal(bot.messages[0]?.chat, "-1009999");
  assert.equal(on.ledger.outbox.pending(), 1, "it is not lost either");
});

test("4096 characters are cut at a whole one", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  for (const pad of ["", "x"]) {
    on.ledger.outbox.enqueue({
      fingerprint: `long${pad}`,
      severity: "info",
      text: `title${pad}\n${"🔴<&".repeat(3000)}`,
    });
  }
  assert.equal((await on.deliver()).sent, 2);
  for (const { text, isSilent } of bot.messages) {
    assert.ok(text.length > 4080 && text.length <= 4096, String(text.length));
    assert.ok(text.isWellFormed());
    assert.match(text, /\n… cut$/, "of what is of no incident no command says more");
    assert.equal(isSilent, true);
  }
});

test("a message that is cut names the command that says the rest, an answer to a button too", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  const long = `${"ids are missing, ".repeat(300)}the last of them`;
  on.open(long);
  await on.deliver();
  const [opened] = bot.messages;
  assert.ok(opened !== undefined);
  assert.match(opened.text, /\n… cut: barkeep explain 1$/);
  const [incident] = on.ledger.incidents.live();
  assert.ok(incident !== undefined);
  assert.match(explainIncident(incident, on.ledger).join("\n"), /the last of them/);
  bot.press(opened, "explain");
  await takeAll(on);
  await on.deliver();
  assert.match(bot.messages[1]?.text ?? "", /^#1 [^]*\n… cut: barkeep explain 1$/);

  const say = async (kind: MessageKind): Promise<string> => {
    on.ledger.outbox.enqueue({ fingerprint: kind, severity: "info", text: long, kind, incidents: [1, 2] });
    await on.deliver();
    return bot.messages.at(-1)?.text ?? "";
  };
  for (const kind of ["opened", "reminder"] as const) {
    assert.match(await say(kind), /\n… cut: barkeep incidents, then barkeep explain NUMBER$/);
  }
  for (const kind of ["resolved", "answer"] as const) {
    assert.match(await say(kind), /\n… cut: barkeep incidents --past, then barkeep explain NUMBER$/);
  }
});

test("the answer about a message of many incidents is told with their numbers", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.open();
  on.open("another", "2024-03-02");
  on.ledger.outbox.enqueue({ fingerprint: "both", severity: "info", text: "both", kind: "opened", incidents: [1, 2] });
  await on.deliver();
  const both = bot.messages.find(({ text }) => text === "both");
  assert.ok(both !== undefined);
  bot.press(both, "explain");
  await takeAll(on);
  assert.deepEqual(on.ledger.outbox.waiting()[0]?.incidents, [1, 2]);
});

test("loud where something is wrong, silent where it is over", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.open();
  await on.deliver();
  assert.equal(bot.messages[0]?.isSilent, false);
});

test("buttons: ack, snooze and explain do what they say, once, and only from our chat", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.open();
  await on.deliver();
  const [message] = bot.messages;
  assert.ok(message !== undefined);
  assert.deepEqual(
    message.buttons.map(({ text }) => text),
    ["ack", "snooze 1 h", "24 h", "explain"],
  );
  bot.press(message, "ack", { chat: "-666" });
  await takeAll(on);
  assert.equal(on.ledger.incidents.byId(1)?.state, "open", "another chat is not obeyed");
  assert.deepEqual(bot.answers, [], "nor answered");
  bot.press(message, "snooze 1 h");
  await takeAll(on);
  assert.equal(on.ledger.incidents.byId(1)?.state, "snoozed");
  assert.equal(on.ledger.incidents.byId(1)?.quietUntilMs, on.clock.wallMs() + hour);
  bot.press(message, "24 h");
  bot.press(message, "explain");
  await takeAll(on);
  assert.equal(on.ledger.incidents.byId(1)?.quietUntilMs, on.clock.wallMs() + 24 * hour);
  await on.deliver();
  assert.match(bot.messages.at(-1)?.text ?? "", /there is a hole|Aggregate-trade ids/);
  bot.press(message, "ack");
  await takeAll(on);
  assert.equal(on.ledger.incidents.byId(1)?.state, "acked");
  bot.pressData("something of another bot");
  bot.pressData("bk1 ack 999-1");
  await takeAll(on);
  assert.equal(bot.answers.length, 6);
});

test("a button under another machine's message of the same number does nothing", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  using other = new NotifyState(bot);
  on.open();
  other.clock.pass(1_000);
  other.open();
  await other.deliver();
  const [message] = bot.messages;
  assert.ok(message !== undefined);
  bot.press(message, "ack");
  await takeAll(on);
  assert.equal(on.ledger.incidents.byId(1)?.state, "open");
  assert.match(bot.answers[0] ?? "", /no incident that is known here/);
});

test("an update that comes twice counts once, also behind a restart; numbers that begin anew after a week are taken", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.open();
  await on.deliver();
  const [message] = bot.messages;
  assert.ok(message !== undefined);
  bot.repeatsUpdates = true;
  bot.press(message, "explain", { updateId: 50_000 });
  await takeAll(on);
  await takeAll(on);
  bot.press(message, "ack", { updateId: 50_000 });
  await takeAll(on);
  assert.equal(on.ledger.outbox.pending(), 1, "one question, one answer");
  assert.equal(on.ledger.incidents.byId(1)?.state, "open");
  bot.repeatsUpdates = false;
  await takeAll(on);
  on.clock.pass(8 * 24 * hour);
  bot.press(message, "ack", { updateId: 12 });
  await takeAll(on);
  assert.equal(on.ledger.incidents.byId(1)?.state, "acked");
});

test("a pass stays two minutes for the buttons under what it has sent itself, and for nothing else", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  const open = { telegram: on.telegram };
  const left = (sinceMs: number | undefined, { telegram }: Partial<typeof open> = open): number =>
    staysFor(on.ledger, { telegram }, 2 * minute, sinceMs)();
  on.open();
  await bot.goOffline();
  await on.deliver();
  assert.equal(left(0), 0, "nobody has got it");
  await bot.start();
  on.clock.pass(hour);
  const beganMs = on.clock.wallMs();
  await on.deliver();
  const leftMs = staysFor(on.ledger, open, 2 * minute, beganMs);
  assert.equal(leftMs(), 2 * minute);
  assert.equal(left(undefined), 0, "who is not to wait");
  assert.equal(left(beganMs, {}), 0, "no Telegram, no buttons");
  on.clock.pass(minute);
  assert.equal(leftMs(), minute);
  assert.equal(left(on.clock.wallMs()), 0, "an earlier pass has sent it");
  const answer = { fingerprint: "answer", severity: "info", text: "so it is", kind: "answer", incidents: [1] } as const;
  on.ledger.outbox.enqueue(answer);
  on.ledger.outbox.enqueue({ ...answer, fingerprint: "over", kind: "resolved" });
  assert.equal((await on.deliver()).sent, 2);
  assert.equal(left(on.clock.wallMs()), 0, "these have no buttons");
  on.clock.pass(minute);
  assert.ok(leftMs() <= 0);
  on.ledger.outbox.enqueue({ fingerprint: "green", severity: "info", text: "✅", kind: "green", lastsMs: 2 * minute });
  await on.deliver();
  assert.deepEqual(
    [left(undefined), left(undefined, {})],
    [2 * minute, 0],
    "a message that goes is waited for by hand too",
  );
});

test("what polling meets is told without the token", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  bot.fail("getUpdates", { kind: "error" }, { kind: "bad-gateway" });
  for (let i = 0; i < 2; i += 1) assert.match((await takeAll(on)) ?? "", /500|502/);
  await bot.goOffline();
  const said = (await takeAll(on)) ?? "";
  assert.match(said, /ECONNREFUSED/);
  assert.ok(!said.includes(bot.token));
});

test("a message that lasts two minutes is deleted by whoever comes next; one that is gone already is let be", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.ledger.outbox.enqueue({ fingerprint: "green", severity: "info", text: "✅", kind: "green", lastsMs: 2 * minute });
  await on.deliver();
  assert.equal(await deletePassed(on.ledger, on.telegram), 0);
  on.clock.pass(2 * minute);
  bot.fail("deleteMessage", { kind: "error" });
  assert.equal(await deletePassed(on.ledger, on.telegram), 0);
  assert.equal(bot.shown.length, 1);
  assert.equal(await deletePassed(on.ledger, on.telegram), 1);
  assert.deepEqual(bot.shown, []);
  on.ledger.outbox.enqueue({ fingerprint: "green", severity: "info", text: "✅", kind: "green", lastsMs: 2 * minute });
  await on.deliver();
  for (const message of bot.messages) message.isDeleted = true;
  on.clock.pass(2 * minute);
  assert.equal(await deletePassed(on.ledger, on.telegram), 1);
});

test("a message that the bot has no right to delete any more keeps no other there, and is let be after two days", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  for (const fingerprint of ["old chat", "new chat"]) {
    on.ledger.outbox.enqueue({ fingerprint, severity: "info", text: fingerprint, kind: "green", lastsMs: 2 * minute });
  }
  await on.deliver();
  on.clock.pass(2 * minute);
  bot.fail("deleteMessage", { kind: "forbidden" });
  assert.equal(await deletePassed(on.ledger, on.telegram), 1);
  assert.deepEqual(
    bot.shown.map(({ text }) => text),
    ["old chat"],
  );
  on.clock.pass(48 * hour);
  bot.fail("deleteMessage", { kind: "forbidden" });
  assert.equal(await deletePassed(on.ledger, on.telegram), 0);
  const asked = bot.requests.length;
  await deletePassed(on.ledger, on.telegram);
  assert.equal(bot.requests.length, asked, "nobody asks for it any more");
});

test("a green message that may have arrived is not sent again: nobody could delete the first", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.ledger.outbox.enqueue({ fingerprint: "green", severity: "info", text: "✅", kind: "green", lastsMs: 2 * minute });
  bot.fail("sendMessage", { kind: "lost-answer" });
  await on.deliver();
  assert.equal(on.ledger.outbox.pending(), 0);
});

test("a green message that could not be sent while it was true is not sent later, beside what is wrong by then", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  const green = { fingerprint: "green", severity: "info", text: "✅", kind: "green", lastsMs: 2 * minute } as const;
  on.ledger.outbox.enqueue(green);
  await bot.goOffline();
  await on.deliver();
  await bot.start();
  on.clock.pass(minute);
  assert.equal((await on.deliver()).sent, 1, "it is true yet");
  on.ledger.outbox.enqueue(green);
  on.clock.pass(20 * hour);
  on.open();
  assert.equal((await on.deliver()).waiting, 0);
  assert.deepEqual(
    bot.messages.map(({ text }) => text.slice(0, 2)),
    ["✅", "🔴"],
  );
});
