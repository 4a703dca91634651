import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { z } from "zod";
import { attend, countdown } from "../../lib/notify/attend.ts";
import { ConsoleChannel } from "../../lib/notify/console.ts";
import { deletePassed } from "../../lib/notify/ephemeral.ts";
import { noteChannels } from "../../lib/notify/heartbeat-channels.ts";
import { Ping } from "../../lib/notify/ping.ts";
import { Webhook } from "../../lib/notify/webhook.ts";
import { withdraw } from "../../lib/notify/withdraw.ts";
import type { Finding } from "../../lib/watch/finding.ts";
import { recordLook } from "../../lib/watch/record-look.ts";
import { read } from "../docs/pages.ts";
import { BotApi } from "../rig/bot-api.ts";
import { HttpRecorder } from "../rig/http-recorder.ts";
import { NotifyState } from "./state.ts";

const isWebhookBody = new Ajv2020({ validateFormats: false }).compile(JSON.parse(read("docs/schema/webhook.json")));

test("a webhook gets each message once, by its schema, with a key that stays; the green one is not its affair", async () => {
  await using hook = await new HttpRecorder().start();
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  const webhook = new Webhook(hook.url, on.ledger.incidents);
  on.open();
  on.ledger.outbox.enqueue({ fingerprint: "green", severity: "info", text: "✅", kind: "green", lastsMs: 120_000 });
  hook.answers.push({ status: 503, headers: { "retry-after": "30" } });
  assert.match((await on.deliver([webhook])).failures[0]?.reason ?? "", /answers 503/);
  on.clock.pass(29_000);
  assert.equal((await on.deliver([webhook])).sent, 0);
  on.clock.pass(1_000);
  assert.deepEqual(await on.deliver([webhook]), { sent: 1, waiting: 0, failures: [] });
  const bodies = hook.requests.map(({ body }): unknown => JSON.parse(body));
  for (const body of bodies) assert.ok(isWebhookBody(body), JSON.stringify(isWebhookBody.errors));
  assert.equal(new Set(hook.requests.map(({ headers }) => headers["idempotency-key"])).size, 1);
});

test("each channel has its own list: what one has got waits only for the other", async () => {
  await using hook = await new HttpRecorder().start();
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  const printed: string[] = [];
  const channels = [
    on.telegram,
    new Webhook(hook.url, on.ledger.incidents),
    new ConsoleChannel((line) => printed.push(line)),
  ];
  on.open();
  await bot.goOffline();
  assert.equal((await on.deliver(channels)).waiting, 1);
  on.open("another", "2024-03-02");
  assert.equal((await on.deliver(channels)).waiting, 2);
  assert.equal(hook.requests.length, 2);
  assert.equal(printed.length, 2);
  await bot.start();
  on.clock.pass(3_600_000);
  assert.equal((await on.deliver(channels)).waiting, 0);
  assert.equal(bot.messages.length, 2);
  assert.equal(hook.requests.length, 2);
});

test("who reads along on a console, or by one channel alone, closes nothing that another one has still to get", async () => {
  await using hook = await new HttpRecorder().start();
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.open();
  await on.deliver();
  await bot.goOffline();
  on.open("another", "2024-03-02");
  await on.deliver();
  await on.deliver([new ConsoleChannel(() => undefined)]);
  await on.deliver([new Webhook(hook.url, on.ledger.incidents)]);
  assert.equal(on.ledger.outbox.pending(), 1);
  await bot.start();
  on.clock.pass(3_600_000);
  await on.deliver();
  assert.deepEqual([bot.messages.length, hook.requests.length, on.ledger.outbox.pending()], [2, 1, 0]);
});

test("a console closes nothing that the heartbeat's channel has still to get, though that has sent nothing for a day; one alone does", async () => {
  await using hook = await new HttpRecorder().start();
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  const console = new ConsoleChannel(() => undefined);
  const webhook = new Webhook(hook.url, on.ledger.incidents);
  on.open();
  assert.deepEqual(await on.deliver([console]), { sent: 1, waiting: 0, failures: [] });
  noteChannels(on.ledger, [webhook]);
  noteChannels(on.ledger, [console]);
  on.open("another", "2024-03-02");
  assert.deepEqual(await on.deliver([console]), { sent: 1, waiting: 1, failures: [] });
  assert.deepEqual(await on.deliver([webhook]), { sent: 1, waiting: 0, failures: [] });
  assert.equal(hook.requests.length, 1);
  on.clock.pass(25 * 3_600_000);
  on.open("a third", "2024-03-03");
  assert.equal((await on.deliver([console])).waiting, 0, "no heartbeat has had the webhook for a day");
});

test("a dead-man's switch gets start and end of a run under one id; one that is away delays nothing and is told", async () => {
  await using watch = await new HttpRecorder().start();
  const ping = new Ping(`${watch.url}/uuid/`);
  assert.equal(await ping.start(), undefined);
  assert.equal(await ping.success("all well"), undefined);
  assert.equal(await new Ping(`${watch.url}/uuid`).fail("no store"), undefined);
  assert.deepEqual(
    watch.requests.map(({ path, body }) => [path, body]),
    [
      ["/uuid/start", ""],
      ["/uuid", "all well"],
      ["/uuid/fail", "no store"],
    ],
  );
  const ids = watch.requests.map(({ query }) => query.get("rid"));
  assert.equal(ids[0], ids[1]);
  assert.notEqual(ids[1], ids[2]);
  watch.answers.push({ status: 500 });
  assert.equal(await ping.start(), undefined, "it is tried once more");
  const gone = new Ping("http://127.0.0.1:9/secret-uuid");
  const problem = (await gone.start()) ?? "";
  assert.match(problem, /dead-man/);
  assert.ok(!problem.includes("secret-uuid"));
});

test("a clock that is set back holds up no message, and nobody who attends; a sleep is over when the machine wakes", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  const dayMs = 24 * 3_600_000;
  on.clock.jump(30 * dayMs);
  on.open();
  on.clock.jump(-30 * dayMs);
  assert.equal((await on.deliver()).sent, 1);
  on.clock.jump(30 * dayMs);
  on.ledger.outbox.enqueue({ fingerprint: "green", severity: "info", text: "✅", kind: "green", lastsMs: 120_000 });
  assert.equal((await on.deliver()).sent, 1);
  on.ledger.deliveries.missed("ping", "no answer");
  on.clock.jump(-30 * dayMs);
  assert.equal(await deletePassed(on.ledger, on.telegram), 1);
  on.ledger.deliveries.missed("ping", "no answer");
  assert.equal(on.ledger.deliveries.channel("ping").failingSinceMs, on.clock.wallMs());
  const leftMs = countdown(on.clock, 15 * 60_000);
  on.clock.jump(-dayMs);
  assert.equal(leftMs(), 15 * 60_000);
  on.clock.pass(15 * 60_000);
  assert.equal(leftMs(), 0);
  const open = { channels: [], telegram: undefined, ping: undefined };
  await attend(on.ledger, open, () => "", leftMs, new AbortController().signal);
  const asleep = countdown(on.clock, 15 * 60_000);
  on.clock.jump(9 * 3_600_000);
  assert.ok(asleep() < 0);
});

test("a message that is refused for itself waits for as long as it has to", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.ledger.outbox.enqueue({ fingerprint: "empty", severity: "info", text: " " });
  let tried = 0;
  for (let minutes = 0; minutes < 60; minutes += 1) {
    tried += (await on.deliver()).failures.length;
    on.clock.pass(60_000);
  }
  assert.equal(tried, 11, "growing pauses, ten minutes at most");
});

test("a message that one channel refuses for itself reaches the others", async () => {
  await using hook = await new HttpRecorder().start();
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.ledger.outbox.enqueue({ fingerprint: "empty", severity: "info", text: " " });
  const channels = [on.telegram, new Webhook(hook.url, on.ledger.incidents)];
  const { sent, failures } = await on.deliver(channels);
  assert.deepEqual([sent, failures.map(({ channel }) => channel)], [1, ["telegram"]]);
  assert.equal(hook.requests.length, 1);
});

test("a message that a webhook refuses for itself holds up no other; of many incidents it gets as many as fit, the worst", async () => {
  await using hook = await new HttpRecorder().start();
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  const webhook = new Webhook(hook.url, on.ledger.incidents);
  const mild = { kind: "price-jump", verdict: "wrong", summary: "x".repeat(200), evidence: {} } as const;
  const many = Array.from({ length: 400 }, (_, i): Finding => ({ ...mild, subject: `range:binance/spot/S${i}@250` }));
  const worst: Finding = { ...mild, kind: "gap-interior", subject: "range:binance/spot/BTCUSDT@250" };
  recordLook(on.ledger, { source: "test", findings: [...many, worst], examined: [] });
  on.open("a later one");
  hook.answers.push({ status: 413 });
  const { sent, failures } = await on.deliver([webhook]);
  assert.deepEqual([sent, failures.map(({ reason }) => reason)], [1, ["the webhook answers 413"]]);
  assert.equal(on.ledger.deliveries.channel("webhook").failingSinceMs, undefined);
  const bodies = hook.requests.map(({ body }): unknown => JSON.parse(body));
  for (const body of bodies) assert.ok(isWebhookBody(body), JSON.stringify(isWebhookBody.errors));
  const shape = z.object({ incidents: z.array(z.object({ kind: z.string() })), more_incidents: z.number() });
  const { incidents, more_incidents: more } = shape.parse(bodies[0]);
  assert.equal(incidents.length + more, 401);
  assert.equal(incidents[0]?.kind, "gap-interior");
  assert.ok((hook.requests[0]?.body.length ?? 0) < 70_000);
  assert.equal(shape.parse(bodies[1]).more_incidents, 0);
});

test("a message that was withdrawn goes through no channel that looked before; what one has begun to send is not withdrawn", async () => {
  await using bot = await new BotApi().start();
  using on = new NotifyState(bot);
  on.open();
  on.open("another", "2024-03-02");
  const [first, second] = on.ledger.outbox.due();
  assert.ok(first !== undefined && second !== undefined);
  const { deliveries } = on.ledger;
  const claim = deliveries.claim(first, "telegram");
  assert.ok(typeof claim === "object");
  assert.throws(() => withdraw(on.ledger, ["1", "2"], "somebody"), { code: "MESSAGE_UNDER_WAY" });
  assert.equal(on.ledger.outbox.pending(), 2, "all or none");
  deliveries.finish(claim, { result: "unknown", reason: "the connection broke" });
  deliveries.release(claim);
  const gone = withdraw(on.ledger, ["1", "2"], "somebody");
  assert.deepEqual(
    gone.map(({ message, has, mayHave }) => [message.id, has, mayHave]),
    [
      [1, [], ["telegram"]],
      [2, [], []],
    ],
  );
  for (const message of [first, second]) assert.equal(deliveries.claim(message, "telegram"), "done");
  on.clock.pass(3_600_000);
  assert.deepEqual(await on.deliver(), { sent: 0, waiting: 0, failures: [] });
  assert.deepEqual(bot.requests, []);
});
