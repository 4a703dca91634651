import assert from "node:assert/strict";
import { test } from "node:test";
import { jobGroups } from "../../lib/model/groups.ts";
import { PueueQueue } from "../../lib/queue/pueue/queue.ts";
import { temporaryFolder } from "../ops/run.ts";
import { PueueDaemon, skipWithoutPueue } from "../rig/pueue.ts";
import { noSshd, Sshd, sshHostOf } from "../rig/sshd.ts";
import { eventually, shellJob } from "./tasks.ts";

const skip = noSshd === false ? skipWithoutPueue : noSshd;

test(
  "many jobs over one connection; the host lost in the middle, they are queued once all the same",
  { skip },
  async () => {
    const home = temporaryFolder("pueue");
    await using daemon = await PueueDaemon.start(home);
    const { PUEUE_CONFIG_PATH: config, PATH: path } = daemon.runner.env;
    await using sshd = await Sshd.start({ lines: [`SetEnv SHLVL=3 PUEUE_CONFIG_PATH=${config} PATH=${path}`] });
    await using host = sshHostOf(sshd);
    const queue = new PueueQueue(host);
    assert.match((await queue.handshake()).version, /^4\./);
    await queue.ensureGroups(jobGroups);
    await daemon.pueue("pause", "--group", "p2");
    const jobs = Array.from({ length: 150 }, (_, i) => shellJob(home, `BTCUSDT@250:${i}`, "true"));
    const adding = assert.rejects(queue.enqueue(jobs), { code: "HOST_LOST" });
    await eventually("some are queued", async () => (await daemon.pueue("status", "--json")).includes("BTCUSDT@250:"));
    await sshd.kill();
    await adding;
    await sshd.start();
    const enqueued = await queue.enqueue(jobs);
    assert.equal(enqueued.length, 150);
    const labels = (await queue.poll()).tasks.map(({ label }) => label);
    assert.equal(labels.length, 150);
    assert.deepEqual(new Set(labels), new Set(jobs.map(({ label }) => label)));
  },
);
