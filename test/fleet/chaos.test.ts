import assert from "node:assert/strict";
import { chmodSync, closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { parseDay } from "../../lib/model/day.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { barkeep, temporaryFolder } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { RunningCommand } from "../rig/command.ts";
import { FleetRig, skipWithoutFleet, skipWithoutMount, type RigHost } from "../rig/fleet.ts";
import { statusOf, type StatusJob } from "./documents.ts";
import { assertBuiltOnce } from "./built-once.ts";

/**
 * One fill of 64 units on two hosts, driven by an operator's commands alone, while everything that can go wrong does, one thing after
 * another. Each test takes up where the one before it ended.
 */
const skip = skipWithoutFleet;
const symbols = "ABCDEFGH".split("").map((letter) => `${letter.repeat(3)}USDT`);
const asked = ["--all-symbols", ...[100, 250, 500, 1000].flatMap((dbps) => ["--threshold", String(dbps)])];
const populate = ["populate", "--all-hosts", ...asked, "--end-date", "2024-01-02", "--json"];
const secondDays = [parseDay("2023-12-31"), parseDay("2024-01-02")];
let rig: FleetRig;
let alpha: RigHost;
let beta: RigHost;

before(async () => {
  if (skip !== false) return;
  const programs = temporaryFolder("programs");
  writeFileSync(join(programs, "date"), '#!/bin/sh\nexec /usr/bin/date -d "@$(($(/usr/bin/date +%s) + 7200))" "$@"\n');
  chmodSync(join(programs, "date"), 0o755);
  rig = await FleetRig.start(["alpha", "beta"], {
    symbols,
    perDay: 600,
    servesArchive: true,
    proxiesStore: true,
    // Two at a time in each of the four groups.
    hosts: {
      alpha: { jobsMax: 8 },
      beta: { jobsMax: 8, programs, ...(skipWithoutMount === false ? { diskMb: 48 } : {}) },
    },
  });
  alpha = rig.host("alpha");
  beta = rig.host("beta");
});

after(async () => {
  await rig?.[Symbol.asyncDispose]();
});

/** Runs a command as the operator, who expects it to end so. @returns what it printed */
async function operator(words: readonly string[], code: number = exitCodes.ok): Promise<string> {
  const outcome = await rig.barkeep(...words);
  assert.equal(outcome.code, code, `${words.join(" ")}: ${outcome.stdout}${outcome.stderr}`);
  return outcome.stdout + outcome.stderr;
}

/** Every job's second day is kept back, so that a job that runs has committed its first and is in its middle. */
function holdSecondDays(): () => void {
  const letGo = secondDays.map((day) => rig.hold("*", day));
  return () => letGo.forEach((one) => one());
}

async function jobsOn(host: RigHost): Promise<StatusJob[]> {
  return (await statusOf(rig, host.name))[0]?.jobs ?? [];
}

/** The labels of a host's jobs that have committed their first day and run, once there are so many. */
async function inTheirMiddle(host: RigHost, count: number): Promise<string[]> {
  return eventually(`${count} jobs of ${host.name} in their middle`, async () => {
    const jobs = (await rig.look(host.name)).filter(({ state, work }) => state === "running" && work?.days_done === 1);
    return jobs.length === count ? jobs.map(({ task }) => task.label) : undefined;
  });
}

/** A host's jobs once each is in one of these states. */
async function settled(host: RigHost, ...states: readonly string[]): Promise<StatusJob[]> {
  await eventually(`every job of ${host.name} ${states.join(" or ")}`, async () =>
    (await rig.look(host.name)).every(({ state }) => states.includes(state)),
  );
  return jobsOn(host);
}

/** Until nothing more can be written. */
function fillUp(path: string): void {
  const file = openSync(path, "w");
  try {
    for (const bytes = Buffer.alloc(65_536); ;) writeSync(file, bytes);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  } finally {
    closeSync(file);
  }
}

let letGo: () => void;

test("a host whose clock is two hours ahead is named before anything is queued", { skip }, async () => {
  const said = await operator(["doctor", "--host", "beta"], exitCodes.findings);
  // Its date takes a while to answer, and cuts seconds off.
  assert.match(said, /clock +failed +7(1[89]|20)\d\.\d+ s ahead/);
  await operator(["groups", "setup", "--all-hosts"]);
});

const queuedSchema = z.object({ jobs: z.array(z.object({ host: z.string(), job: z.string(), state: z.string() })) });

test("each host proves itself with one small job: the others do not wait for a first one then", { skip }, async () => {
  const small = ["--threshold", "750", "--end-date", "2023-12-30"];
  await operator(["populate", "--host", "alpha", "--symbol", "AAAUSDT", ...small]);
  await operator(["populate", "--host", "beta", "--symbol", "BBBUSDT", ...small]);
  for (const host of [alpha, beta]) await settled(host, "done");
});

test("64 units are sixteen jobs on two hosts, two at a time", { skip }, async () => {
  letGo = holdSecondDays();
  const { jobs } = queuedSchema.parse(JSON.parse((await rig.barkeep(...populate)).stdout));
  assert.equal(jobs.length, 16);
  assert.ok(jobs.every(({ job, state }) => job.includes("@100+250+500+1000:") && state === "added"));
  assert.deepEqual(Map.groupBy(jobs, ({ host }) => host).get("alpha")?.length, 8);
  for (const host of [alpha, beta]) await inTheirMiddle(host, 2);
});

test(
  "sshd is killed under a watch and starts again: the watch says so and goes on; so do the jobs",
  { skip },
  async () => {
    const running = await inTheirMiddle(alpha, 2);
    const watch = new RunningCommand(["status", "--all-hosts", "--watch"], rig.env);
    const shows = async (pattern: RegExp): Promise<void> => {
      const from = watch.stdout.length;
      await eventually(`the watch shows ${pattern}`, () => pattern.test(watch.stdout.slice(from)));
    };
    await shows(/^alpha \(pueue\)[^]*^beta \(pueue\)/m);
    await alpha.sshd.kill();
    await shows(/^beta \(pueue\)[^]*^alpha: .*(HOST_LOST|HOST_UNREACHABLE)/m);
    await operator(["status", "--host", "alpha"], exitCodes.unavailable);
    await alpha.sshd.start();
    await shows(/^alpha \(pueue\)[^]*^beta \(pueue\)/m);
    assert.equal(await watch.end("SIGINT"), exitCodes.ok);
    const labels = (await jobsOn(alpha)).filter(({ state }) => state === "running").map(({ label }) => label);
    assert.deepEqual(labels, running);
  },
);

test(
  "a worker is killed, then pueued under the others: what runs runs on, and only the dead job is queued again",
  { skip },
  async () => {
    const [victim = ""] = await inTheirMiddle(alpha, 2);
    process.kill(alpha.workerOf(victim), "SIGKILL");
    await eventually("its end", async () => (await rig.look("alpha")).some(({ state }) => state === "failed"));
    const running = await inTheirMiddle(alpha, 2);
    await alpha.daemon.kill();
    await operator(["status", "--all-hosts"], exitCodes.unavailable);
    await alpha.daemon.restart();
    const jobs = await jobsOn(alpha);
    for (const label of running) {
      const job = jobs.find((one) => one.label === label);
      assert.deepEqual([job?.state, job?.queue_state], ["running", "done"], "the queue takes it for killed");
    }
    const again = queuedSchema.parse(JSON.parse((await rig.barkeep(...populate)).stdout));
    assert.deepEqual(
      again.jobs.map(({ job }) => job),
      [victim.slice(0, victim.indexOf("#"))],
    );
  },
);

test(
  "a person pauses a group and the store goes away: the jobs in their middle wait for it, and end well",
  { skip },
  async () => {
    await beta.daemon.pueue("pause", "--wait", "--group", "p2");
    const met = new Set([...(await inTheirMiddle(alpha, 2)), ...(await inTheirMiddle(beta, 2))]);
    rig.proxy?.fail("reset", 0);
    letGo();
    await eventually("every worker has met the outage", () => (rig.proxy?.seen ?? 0) >= 8);
    for (const { label, state } of [...(await jobsOn(alpha)), ...(await jobsOn(beta))]) {
      if (met.has(label)) assert.equal(state, "running", `${label} waits for the store`);
    }
    rig.proxy?.heal();
    for (const host of [alpha, beta]) {
      const jobs = await settled(host, "done", "waiting", "failed");
      for (const { label, state } of jobs) if (met.has(label)) assert.equal(state, "done");
      assert.ok(jobs.some(({ state, text }) => state === "waiting" && /p2 is paused/.test(text)));
    }
  },
);

test(
  "a host's disk is full: its jobs fail and say so; with room they are tried again",
  { skip: skip || skipWithoutMount },
  async () => {
    letGo = holdSecondDays();
    await operator(["groups", "resume", "--host", "beta"]);
    const running = new Set(await inTheirMiddle(beta, 2));
    const filler = join(beta.directory, "filler");
    fillUp(filler);
    letGo();
    const jobs = (await settled(beta, "done", "failed")).filter(({ state }) => state === "failed");
    for (const { label, text } of jobs) {
      assert.match(text, running.has(label) ? /could not write down what became of it/ : /disk full; its output says/);
    }
    assert.ok(jobs.length > running.size);
    const [first] = jobs;
    assert.match(await operator(["logs", first?.job ?? "", "--host", "beta"]), /the disk .*full/);
    const refused = await operator(["retry", "--host", "beta", "--resume"], exitCodes.unavailable);
    assert.match(refused, /the files of a job cannot be written on beta: .*(HOST_WRITE)/);
    rmSync(filler);
  },
);

test("a host loses its power in the middle of its jobs; one command goes on after the start", { skip }, async () => {
  letGo = holdSecondDays();
  await operator(["retry", "--host", "beta", "--resume"]);
  const lost = await inTheirMiddle(beta, 2);
  await beta.powerOff();
  await operator(["status", "--host", "beta"], exitCodes.unavailable);
  await beta.powerOn();
  const jobs = await jobsOn(beta);
  for (const label of lost) {
    const job = jobs.find((one) => one.label === label);
    assert.match(job?.text ?? "", /the host went down while it ran/);
  }
  assert.ok(jobs.some(({ state, text }) => state === "waiting" && /p2 is paused/.test(text)));
  letGo();
  await operator(["retry", "--all-hosts", "--resume"]);
  for (const host of [alpha, beta]) await settled(host, "done");
});

test(
  "after all of it nothing is missing, nothing was built twice, and the bars are those of a quiet run",
  { skip },
  async () => {
    const rest = await operator(["populate", "--all-hosts", ...asked, "--end-date", "2024-01-02", "--plan"]);
    assert.match(rest, /nothing to do/);
    await operator(["status"]);
    await operator(["verify", "all"]);
    await assertBuiltOnce(rig, 66);
    const quiet = {
      ...rig.env,
      CLICKHOUSE_URL: "",
      BARKEEP_STATE: join(rig.folder, "quiet"),
      BARKEEP_ARCHIVE: rig.archiveFolder,
    };
    const run = await barkeep(["populate", ...asked, "--end-date", "2024-01-02"], quiet);
    assert.equal(run.code, exitCodes.ok, run.stderr);
    assert.deepEqual(await digests(rig.env), await digests(quiet));
  },
);

const digestSchema = z.object({
  series: z.array(z.object({ series: z.string(), digest: z.string(), bars: z.number() })),
});

/** Of the 32 series; not of those that the hosts proved themselves with. */
async function digests(env: Record<string, string>): Promise<unknown> {
  const { series } = digestSchema.parse(JSON.parse((await barkeep(["status", "--json"], env)).stdout));
  const filled = series.filter((one) => !one.series.endsWith("@750"));
  assert.equal(filled.length, 32);
  return filled;
}
