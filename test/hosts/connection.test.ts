import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { noSshd, Sshd, sshHostOf } from "../rig/sshd.ts";

const skip = noSshd;

test(
  "sshd killed in the middle of a command: the host is lost, the command is not failed, the next one connects",
  { skip },
  async () => {
    await using sshd = await Sshd.start();
    await using host = sshHostOf(sshd);
    const folder = temporaryFolder("lost");
    const [begun, gate, mark] = ["begun", "gate", "mark"].map((name) => join(folder, name));
    assert.ok(begun !== undefined && gate !== undefined && mark !== undefined);
    const goesOn = 'until [ -e "$1" ]; do sleep 0.05; done; touch "$2"';
    const { ended } = await host.start(["sh", "-c", goesOn, "sh", gate, mark], { cwd: "/" });
    const waiting = host.exec(["sh", "-c", 'touch "$1"; exec sleep 30', "sh", begun], { cwd: "/" });
    const loss = { name: "RetryableError", code: "HOST_LOST" };
    const losses = Promise.all([assert.rejects(ended, loss), assert.rejects(waiting, loss)]);
    await eventually("both run", () => existsSync(begun));
    await sshd.kill();
    await losses;
    await sshd.start();
    assert.equal((await host.exec(["echo", "back"], { cwd: "/" })).stdout, "back\n");
    // A loss says nothing of the command: this one went on to its end.
    writeFileSync(gate, "");
    await eventually("its end", () => existsSync(mark));
  },
);

test(
  "who started a command and asks no more of it is not ended by its loss, and learns of it when asking",
  { skip },
  async () => {
    await using sshd = await Sshd.start();
    await using host = sshHostOf(sshd);
    const { ended } = await host.start(["sleep", "30"], { cwd: "/" });
    await sshd.kill();
    await sshd.start();
    assert.equal((await host.exec(["echo", "back"], { cwd: "/" })).stdout, "back\n");
    await assert.rejects(ended, { code: "HOST_LOST" });
  },
);

test("a file on its way when sshd is killed is a loss too, and hangs nothing", { skip }, async () => {
  await using sshd = await Sshd.start();
  await using host = sshHostOf(sshd);
  const folder = temporaryFolder("lost");
  const path = join(folder, "file");
  await host.exec(["true"], { cwd: "/" });
  const writing = host.writeFile(path, Buffer.alloc(50_000_000));
  const lost = assert.rejects(writing, { code: "HOST_LOST" });
  // Under another name until it is whole.
  while (readdirSync(folder).length === 0) await sleep(1);
  await sshd.kill();
  await lost;
  assert.ok(!existsSync(path));
});

test("a server that is silent is found out by keepalives", { skip }, async () => {
  await using sshd = await Sshd.start();
  await using host = sshHostOf(sshd, { keepaliveIntervalMs: 1_000, keepaliveCountMax: 2 });
  await host.exec(["true"], { cwd: "/" });
  const running = host.exec(["sleep", "30"], { cwd: "/" });
  sshd.signal("SIGSTOP");
  await assert.rejects(running, /HOST_LOST|was lost: Keepalive timeout/);
});

test("a server that takes the connection and says nothing cannot be reached", { skip }, async () => {
  await using sshd = await Sshd.start();
  sshd.signal("SIGSTOP");
  await using host = sshHostOf(sshd, { readyTimeoutMs: 300, attempts: 2, firstDelayMs: 10 });
  await assert.rejects(host.exec(["true"], { cwd: "/" }), { name: "RetryableError", code: "HOST_UNREACHABLE" });
});

test("connecting is tried again with growing waits, and told when it was of no use", { skip }, async () => {
  await using sshd = await Sshd.start();
  await sshd.kill();
  await using host = sshHostOf(sshd, { attempts: 1000, firstDelayMs: 20, maxDelayMs: 200 });
  const waiting = Promise.all(Array.from({ length: 5 }, async () => host.exec(["true"], { cwd: "/" })));
  await sleep(300);
  await sshd.start();
  assert.deepEqual(
    (await waiting).map(({ code }) => code),
    [0, 0, 0, 0, 0],
  );
  await sshd.kill();
  await using hasty = sshHostOf(sshd, { attempts: 2, firstDelayMs: 1 });
  await assert.rejects(hasty.exec(["true"], { cwd: "/" }), (error: Error) => {
    assert.match(error.message, /^rig \(\S+@127\.0\.0\.1:\d+\) cannot be reached: .*ECONNREFUSED/);
    return true;
  });
});

test("an abort ends the waiting for a connection, and closing ends all of it", { skip }, async () => {
  await using sshd = await Sshd.start();
  await sshd.kill();
  const host = sshHostOf(sshd, { attempts: 1000, firstDelayMs: 5000, maxDelayMs: 5000 });
  const reason = new Error("enough");
  await assert.rejects(host.exec(["true"], { cwd: "/", signal: AbortSignal.abort(reason) }), reason);
  const aborting = new AbortController();
  const waiting = host.exec(["true"], { cwd: "/", signal: aborting.signal });
  const other = host.exec(["true"], { cwd: "/" });
  await sleep(50);
  aborting.abort(reason);
  await assert.rejects(waiting, reason);
  const ended = assert.rejects(other, { code: "HOST_LOST" });
  await host.close();
  await ended;
  await assert.rejects(host.exec(["true"], { cwd: "/" }), { code: "HOST_LOST" });
});

test("forty commands at once on one connection", { skip }, async () => {
  await using sshd = await Sshd.start({ lines: ["MaxStartups 1:100:1"] });
  await using host = sshHostOf(sshd);
  const all = Array.from({ length: 40 }, async (_, i) =>
    host.exec(["sh", "-c", 'sleep 0.1; echo "$1 $SSH_CONNECTION"', "sh", `${i}`], { cwd: "/" }),
  );
  const results = await Promise.all(all);
  results.forEach(({ stdout }, i) => assert.equal(stdout.split(" ")[0], `${i}`));
  // One client port: one connection.
  assert.equal(new Set(results.map(({ stdout }) => stdout.split(" ")[2])).size, 1);
});

test("a server that allows fewer sessions slows commands down and fails none", { skip }, async () => {
  await using sshd = await Sshd.start({ lines: ["MaxSessions 3"] });
  await using host = sshHostOf(sshd);
  const folder = temporaryFolder("few");
  const commands = Array.from({ length: 12 }, async (_, i) => host.exec(["echo", `${i}`], { cwd: "/" }));
  const files = Array.from({ length: 6 }, async (_, i) => host.writeFile(join(folder, `${i}`), `${i}`));
  const results = await Promise.all(commands);
  await Promise.all(files);
  results.forEach(({ stdout }, i) => assert.equal(stdout, `${i}\n`));
});

test("a login that runs something else than what was asked for is told", { skip }, async () => {
  await using sshd = await Sshd.start({ lines: ["ForceCommand echo This account is not available."] });
  await using host = sshHostOf(sshd);
  await assert.rejects(host.exec(["true"], { cwd: "/" }), { name: "ConfigurationError", code: "HOST_SHELL" });
});

test("what a login prints before a command is not the command's output", { skip }, async () => {
  await using sshd = await Sshd.start({
    lines: ['ForceCommand echo "Welcome to the rig"; eval "$SSH_ORIGINAL_COMMAND"'],
  });
  await using host = sshHostOf(sshd);
  assert.equal((await host.exec(["echo", "it's $me"], { cwd: "/" })).stdout, "it's $me\n");
});
