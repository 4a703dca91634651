import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { openExistingLedger, openLedger } from "../../lib/ledger/index.ts";
import { barkeep, temporaryFolder } from "../ops/run.ts";
import { BotApi } from "../rig/bot-api.ts";
import { RunningCommand } from "../rig/command.ts";

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
