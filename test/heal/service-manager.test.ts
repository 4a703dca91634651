import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ServiceManager, serviceManagerOf } from "../../lib/heal/service-manager.ts";
import { NotifySocket, skipWithoutNotify } from "../rig/notify-socket.ts";

test(
  "systemd hears that the service is ready, what it does, that it is alive and that it stops",
  {
    skip: skipWithoutNotify,
  },
  async () => {
    await using socket = await NotifySocket.open();
    const env = { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "300000", WATCHDOG_PID: String(process.pid) };
    const service = serviceManagerOf(env, (line) => assert.fail(line));
    service.ready();
    service.status("looking\nfor gaps");
    await socket.until((messages) => messages.filter((one) => one === "WATCHDOG=1").length >= 3);
    await service.stopping();
    await socket.until((messages) => messages.includes("STOPPING=1"));
    // A barrier behind each: the sender lives until its message was read, and systemd knows whose it is.
    const barriers = socket.messages.filter((_message, i) => i % 2 === 1);
    assert.deepEqual(new Set(barriers), new Set(["BARRIER=1"]));
    const told = socket.messages.filter((_message, i) => i % 2 === 0);
    assert.deepEqual(told.slice(0, 2), ["READY=1", "STATUS=looking for gaps"]);
    assert.equal(told.at(-1), "STOPPING=1");
  },
);

test("a service says that it is ready with each status, in case the first was lost, and not before it is", async () => {
  const sent: string[] = [];
  const service = new ServiceManager(async (words) => void sent.push(...words), undefined);
  service.status("begins");
  service.ready();
  service.status("looks");
  await service.stopping();
  assert.deepEqual(sent, ["STATUS=begins", "READY=1", "STATUS=looks", "READY=1", "STOPPING=1"]);
});

test("without a service manager nothing is sent, and a watchdog that is another's is not fed", async () => {
  for (const env of [{}, { NOTIFY_SOCKET: "" }]) {
    const service = serviceManagerOf(env, (line) => assert.fail(line));
    service.ready();
    await service.stopping();
  }
  const told: string[] = [];
  const service = serviceManagerOf({ NOTIFY_SOCKET: "/nowhere/notify.sock" }, (line) => told.push(line));
  service.ready();
  service.status("x");
  await service.stopping();
  assert.equal(told.length, 1, "told once that it does not get through");
});

test("D-29 long work that shows signs of life is pinged for; work that is stuck is not; rest is no sign of trouble", async () => {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    let nowMs = 0;
    const sent: string[] = [];
    const service = new ServiceManager(
      async (words) => void sent.push(...words),
      300_000,
      () => nowMs,
    );
    /** How many pings are sent in so many hundreds of seconds. */
    const pings = async (hundreds: number): Promise<number> => {
      const before = sent.length;
      for (let i = 0; i < hundreds; i += 1) {
        nowMs += 100_000;
        mock.timers.tick(100_000);
      }
      await setImmediate();
      return sent.length - before;
    };
    for (let i = 0; i < 10; i += 1) {
      service.beat();
      assert.equal(await pings(30), 30, "a sign of life every 50 minutes, for 8 hours");
    }
    assert.equal(await pings(30), 5, "an hour after the last sign of life it counts as stuck");
    const rest = Promise.withResolvers<void>();
    const resting = service.rest(rest.promise);
    assert.equal(await pings(100), 100);
    rest.resolve();
    await resting;
    assert.equal(await pings(30), 30);
  } finally {
    mock.timers.reset();
  }
});
