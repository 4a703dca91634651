import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { ledgerPath, openExistingLedger, openLedger } from "../../lib/ledger/index.ts";
import type { Channel } from "../../lib/notify/channel.ts";
import { deliver } from "../../lib/notify/deliver.ts";
import { sendWaiting } from "../../lib/notify/send-waiting.ts";
import { barkeep, temporaryFolder } from "../ops/run.ts";
import { BotApi } from "../rig/bot-api.ts";
import { RunningCommand } from "../rig/command.ts";
import { HandMovedClock } from "../rig/ledger-clock.ts";

test("S-25 a process that is killed between sending and recording: nothing is lost, and the repeat says that it may be one", async () => {
  await using bot = await new BotApi().start();
  const state = join(temporaryFolder("killed"), "state");
  {
    using ledger = openLedger(state);
    for (const fingerprint of ["a", "b"]) {
      ledger.outbox.enqueue({ fingerprint, severity: "warning", text: `message ${fingerprint}` });
    }
  }
  bot.fail("sendMessage", { kind: "held-answer" });
  const first = new RunningCommand(["notify", "test", "--state", state], bot.env);
  await bot.until(1);
  await first.end("SIGKILL");
  bot.release();
  const second = await barkeep(["notify", "test", "--state", state], bot.env);
  assert.equal(second.code, 0, second.stderr);
  const texts = bot.messages.map(({ text }) => text);
  assert.deepEqual(texts.slice(0, 1), ["message a"]);
  assert.match(texts[1] ?? "", /^May be a repeat[^]*\nmessage a$/);
  assert.deepEqual(
    texts.filter((text) => text.endsWith("message b")),
    ["message b"],
  );
  const third = await barkeep(["notify", "list", "--state", state, "--json"], bot.env);
  assert.match(third.stdout, /"waiting": \[\]/);
});

test("what another process is about to send is not sent beside it", async () => {
  await using bot = await new BotApi().start();
  const state = join(temporaryFolder("beside"), "state");
  bot.fail("sendMessage", { kind: "held-answer" });
  const first = new RunningCommand(["notify", "test", "--state", state], bot.env);
  await bot.until(1);
  using ledger = openExistingLedger(state);
  const [message] = ledger.outbox.waiting();
  assert.ok(message !== undefined);
  assert.equal(ledger.deliveries.claim(message, "telegram"), "busy");
  bot.release();
  assert.equal(await first.end(), 0, first.stderr);
  assert.equal(ledger.outbox.pending(), 0);
  assert.equal(bot.messages.length, 1);
});

test("a process that lives on after it could not record what became of a message sends it again, saying that it may be a repeat", async () => {
  const state = join(temporaryFolder("unrecorded"), "state");
  using ledger = openLedger(state, { timeoutMs: 50 });
  ledger.outbox.enqueue({ fingerprint: "a", severity: "critical", text: "message a" });
  const lock = new Database(ledgerPath(state));
  const repeats: boolean[] = [];
  const channel: Channel = {
    name: "telegram",
    takes: () => true,
    send: async (_message, mayRepeat) => {
      repeats.push(mayRepeat);
      if (!mayRepeat) lock.exec("BEGIN IMMEDIATE");
      return Promise.resolve({ result: "sent" });
    },
  };
  const never = new AbortController().signal;
  await assert.rejects(deliver(ledger, [channel], never), { code: "LEDGER_LOCKED" });
  lock.exec("ROLLBACK");
  lock.close();
  // As the service does in its next pass.
  using next = openLedger(state);
  assert.deepEqual(await deliver(next, [channel], never), { sent: 1, waiting: 0, failures: [] });
  assert.deepEqual(repeats, [false, true]);
});

test("what this process is about to send is not sent beside it; another one's claim holds for as long as a message may take", async () => {
  await using bot = await new BotApi().start();
  const state = join(temporaryFolder("held"), "state");
  bot.fail("sendMessage", { kind: "held-answer" });
  const other = new RunningCommand(["notify", "test", "--state", state], bot.env);
  await bot.until(1);
  const clock = new HandMovedClock(new Date().toISOString());
  using ledger = openLedger(state, { clock });
  const [message] = ledger.outbox.waiting();
  assert.ok(message !== undefined);
  assert.equal(ledger.deliveries.claim(message, "telegram"), "busy");
  clock.pass(11 * 60_000);
  const claim = ledger.deliveries.claim(message, "telegram");
  assert.ok(typeof claim === "object" && claim.mayRepeat);
  clock.pass(11 * 60_000);
  assert.equal(ledger.deliveries.claim(message, "telegram"), "busy", "its own are those that it is at");
  ledger.deliveries.release(claim);
  assert.ok(typeof ledger.deliveries.claim(message, "telegram") === "object");
  bot.release();
  await other.end();
});

test("a command that sends at its end tells of a ledger that is locked by then, and goes by what it has found", async () => {
  const stateDirectory = join(temporaryFolder("locked"), "state");
  {
    using ledger = openLedger(stateDirectory);
    ledger.outbox.enqueue({ fingerprint: "a", severity: "critical", text: "message a" });
  }
  const lock = new Database(ledgerPath(stateDirectory));
  lock.exec("BEGIN IMMEDIATE");
  const none = { telegramToken: undefined, telegramChat: undefined, webhookUrl: undefined, pingUrl: undefined };
  const settings = { ...none, stateDirectory, notify: ["console"], telegramApi: "http://127.0.0.1:9" } as const;
  const logged: string[] = [];
  await sendWaiting(settings, {}, new AbortController().signal, (line) => logged.push(line));
  lock.exec("ROLLBACK");
  lock.close();
  assert.match(logged.join("\n"), /^what waits could not be sent: .*LEDGER_LOCKED/);
});
