import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { parseDay } from "../../lib/model/day.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { eventually } from "../queue/tasks.ts";
import { RunningCommand } from "../rig/command.ts";
import { assertComplete, FleetRig, skipWithoutFleet } from "../rig/fleet.ts";
import { jobIn, statusOf } from "./documents.ts";

const skip = skipWithoutFleet;
const secondDay = parseDay("2023-12-31");
let rig: FleetRig;

before(async () => {
  if (skip !== false) return;
  rig = await FleetRig.start(["alpha", "beta"], { symbols: ["AAAUSDT", "BBBUSDT", "CCCUSDT"], servesArchive: true });
});

after(async () => {
  await rig?.[Symbol.asyncDispose]();
});

/** Queues the two days of a symbol's 2023. */
async function queue2023(host: string, symbol: string): Promise<void> {
  const words = ["--symbol", symbol, "--threshold", "250", "--end-date", "2023-12-31", "--host", host];
  const { code, stdout, stderr } = await rig.barkeep("populate", ...words);
  assert.equal(code, exitCodes.ok, stdout + stderr);
}

/** Runs what a command's answer says to do. */
async function doAsTold(fix: string | null): Promise<void> {
  const [program, ...words] = (fix ?? "").split(" ");
  assert.equal(program, "barkeep", `a command of barkeep's: ${fix}`);
  const { code, stdout, stderr } = await rig.barkeep(...words);
  assert.equal(code, exitCodes.ok, stdout + stderr);
}

test(
  "a paused group is explained with the command that resumes it; a worker that is killed, with the one that tries again",
  { skip },
  async () => {
    const job = "AAAUSDT@250:2023";
    const { daemon } = rig.host("alpha");
    const setUp = await rig.barkeep("groups", "setup", "--host", "alpha");
    assert.equal(setUp.code, exitCodes.ok, setUp.stderr);
    await daemon.pueue("pause", "--group", "p2");
    const letGo = rig.hold("AAAUSDT", secondDay);
    await queue2023("alpha", "AAAUSDT");
    const waiting = await jobIn(rig, "alpha", job, "waiting");
    assert.match(waiting.text, /p2 is paused/);
    await doAsTold(waiting.fix);

    const running = await jobIn(rig, "alpha", job, "running");
    await eventually("its first day", async () => ((await jobIn(rig, "alpha", job, "running")).days_done ?? 0) > 0);
    process.kill(rig.host("alpha").workerOf(running.label), "SIGKILL");
    const failed = await jobIn(rig, "alpha", job, "failed");
    assert.match(failed.text, /SIGKILL ended it/);
    await doAsTold(failed.fix);
    letGo();
    const done = await jobIn(rig, "alpha", job, "done");
    assert.equal(done.attempt, 2);
    const logs = await rig.barkeep("logs", job, "--host", "alpha", "--follow");
    assert.equal(logs.code, exitCodes.ok, logs.stderr);
    assert.match(logs.stdout, /AAAUSDT +1 +\d/);
  },
);

test(
  "S-15: the queue's daemon is killed and started anew; what runs goes on and is not queued twice, the rest is resumed by one command",
  { skip },
  async () => {
    const running = "BBBUSDT@250:2023";
    const waiting = "CCCUSDT@250:2023";
    const { daemon } = rig.host("alpha");
    await daemon.pueue("parallel", "1", "--group", "p2");
    const letGo = rig.hold("BBBUSDT", secondDay);
    await queue2023("alpha", "BBBUSDT");
    await eventually("its first day", async () => ((await jobIn(rig, "alpha", running, "running")).days_done ?? 0) > 0);
    await queue2023("alpha", "CCCUSDT");
    await daemon.kill();
    const away = await rig.barkeep("status", "--host", "alpha");
    assert.equal(away.code, exitCodes.unavailable, "a daemon that is away is no empty queue");
    await daemon.restart();

    const [view] = await statusOf(rig, "alpha");
    const one = view?.jobs.find(({ job }) => job === running);
    assert.equal(one?.state, "running");
    assert.equal(one?.queue_state, "done", "the queue takes it for killed");
    assert.match(view?.jobs.find(({ job }) => job === waiting)?.text ?? "", /paused/);
    const again = await rig.barkeep(
      "populate",
      "--symbol",
      "BBBUSDT",
      "--threshold",
      "250",
      "--end-date",
      "2023-12-31",
      "--host",
      "alpha",
    );
    assert.match(again.stdout, /BBBUSDT@250:2023: left alone, it is running on alpha/);
    const resumed = await rig.barkeep("retry", "--host", "alpha", "--resume");
    assert.equal(resumed.code, exitCodes.ok, resumed.stdout + resumed.stderr);
    assert.match(resumed.stdout, /group p2 of alpha starts jobs again/);
    assert.doesNotMatch(resumed.stdout, /BBBUSDT/);
    // Somebody starts it by hand beside itself: it is refused, and what is shown is the one that runs.
    const { label } = await jobIn(rig, "alpha", running, "running");
    await daemon.pueue("add", "--group", "p2", "--label", label.replace("#1", "#2"), "--", "exit 4");
    const inQueue = async (): Promise<boolean> => /"Failed": *4/.test(await daemon.pueue("status", "--json"));
    await eventually("the second one refused", inQueue);
    const once = await rig.barkeep("retry", running, "--host", "alpha");
    assert.match(once.stdout, /nothing to do/, "what runs is not tried again beside itself");

    const followed = new RunningCommand(["logs", running, "--host", "alpha", "--follow"], rig.env);
    await eventually("the log's first line", () => followed.stdout !== "");
    const cancelled = await rig.barkeep("cancel", running, "--host", "alpha");
    assert.equal(cancelled.stdout, `${running} on alpha: stops after its current commit`);
    const { text } = await jobIn(rig, "alpha", running, "failed");
    assert.match(text, /it ended with 130: interrupted/);
    assert.equal(await followed.end(), exitCodes.ok);
    assert.match(followed.stdout, /resume|interrupted|stopping/, "the follower stays until the end");
    letGo();
    await doAsTold(`barkeep retry ${running} --host alpha`);
    assert.equal((await jobIn(rig, "alpha", running, "done")).attempt, 3);
    await jobIn(rig, "alpha", waiting, "done");
  },
);

test(
  "S-15: a task whose dependency failed is explained, and tried again by the command that is given",
  { skip },
  async () => {
    const job = "AAAUSDT@1000:2023";
    const { daemon } = rig.host("beta");
    const setUp = await rig.barkeep("groups", "setup", "--host", "beta");
    assert.equal(setUp.code, exitCodes.ok, setUp.stderr);
    await daemon.pueue("pause", "--group", "p1");
    const words = ["--symbol", "AAAUSDT", "--threshold", "1000", "--end-date", "2023-12-31", "--host", "beta"];
    assert.equal((await rig.barkeep("populate", ...words)).code, exitCodes.ok);
    const { label } = await jobIn(rig, "beta", job, "waiting");
    // Somebody adds it by hand, after another task.
    await daemon.pueue("remove", "0");
    const other = await daemon.pueue("add", "--print-task-id", "--", "false");
    await daemon.pueue("add", "--group", "p1", "--label", label, "--after", other, "--", "true");
    await daemon.pueue("start", "--group", "p1");
    const failed = await jobIn(rig, "beta", job, "failed");
    assert.match(failed.text, /has failed, so the queue gave it up/);
    await doAsTold(failed.fix);
    await jobIn(rig, "beta", job, "done");
  },
);

test("S-03: the same unit on two hosts: one builds it, the other leaves because of its lease", { skip }, async () => {
  const job = "CCCUSDT@100:2023";
  const words = ["--symbol", "CCCUSDT", "--threshold", "100", "--end-date", "2023-12-31"];
  // CCCUSDT's files are in alpha's mirror by now; beta fetches its own.
  const letGo = rig.hold("CCCUSDT", secondDay);
  assert.equal((await rig.barkeep("populate", ...words, "--host", "beta")).code, exitCodes.ok);
  await eventually("its first day", async () => ((await jobIn(rig, "beta", job, "running")).days_done ?? 0) > 0);
  assert.equal((await rig.barkeep("populate", ...words, "--host", "alpha")).code, exitCodes.ok);
  const refused = await jobIn(rig, "alpha", job, "failed");
  assert.equal(refused.code, "LEASE_HELD");
  letGo();
  await jobIn(rig, "beta", job, "done");
  await doAsTold(refused.fix);
  await jobIn(rig, "alpha", job, "done");
});

test(
  "cancel takes out what waits and ends what runs; what was committed stays, and the rest is there when it is asked for again",
  { skip },
  async () => {
    const asked = ["--symbol", "BBBUSDT", "--threshold", "500", "--threshold", "750", "--end-date", "2023-12-31"];
    const jobs = { running: "BBBUSDT@500:2023", waiting: "BBBUSDT@750:2023" };
    // Beta has fetched none of its files yet.
    const letGo = rig.hold("BBBUSDT", secondDay);
    assert.equal((await rig.barkeep("populate", ...asked, "--host", "beta", "--per-threshold")).code, exitCodes.ok);
    await eventually(
      "its first day",
      async () => ((await jobIn(rig, "beta", jobs.running, "running")).days_done ?? 0) > 0,
    );
    await jobIn(rig, "beta", jobs.waiting, "waiting");
    const planned = await rig.barkeep("cancel", "BBBUSDT@*:2023", "--kill", "--host", "beta", "--plan");
    assert.match(
      planned.stdout,
      /BBBUSDT@500:2023 on beta: would be: killed\nBBBUSDT@750:2023 on beta: would be: taken/,
    );
    const [view] = await statusOf(rig, "beta");
    assert.equal(view?.jobs.find(({ job }) => job === jobs.running)?.state, "running", "a plan changes nothing");
    const cancelled = await rig.barkeep("cancel", "BBBUSDT@*:2023", "--kill", "--host", "beta");
    assert.equal(cancelled.code, exitCodes.ok, cancelled.stderr);
    await jobIn(rig, "beta", jobs.running, "failed");
    const [after] = await statusOf(rig, "beta");
    assert.ok(after?.jobs.every(({ job }) => job !== jobs.waiting));
    const nothing = await rig.barkeep("cancel", jobs.waiting, "--host", "beta");
    assert.equal(nothing.code, exitCodes.usage);
    assert.match(nothing.stderr, /no job is called BBBUSDT@750:2023/);
    letGo();
    assert.equal((await rig.barkeep("populate", ...asked, "--host", "beta")).code, exitCodes.ok);
    await jobIn(rig, "beta", "BBBUSDT@500+750:2023", "done");
  },
);

test(
  "after all of it: complete, verified against the archive, the successes forgotten and the failures kept",
  { skip },
  async () => {
    await assertComplete(rig);
    const cleaned = await rig.barkeep("clean", "--all-hosts");
    assert.equal(cleaned.code, exitCodes.ok, cleaned.stderr);
    const left = await rig.host("alpha").daemon.pueue("status", "--json");
    assert.doesNotMatch(left, /"Success"/);
    assert.match(left, /"Killed"/);
    assert.match(left, /"Failed"/);
  },
);
