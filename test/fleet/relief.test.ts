import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { parseDay } from "../../lib/model/day.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { jobFolder } from "../../lib/queue/job-files.ts";
import { eventually } from "../queue/tasks.ts";
import { RunningCommand } from "../rig/command.ts";
import { assertComplete, FleetRig, skipWithoutFleet } from "../rig/fleet.ts";
import { FedHost } from "../rig/pressure.ts";
import { jobIn, statusOf } from "./documents.ts";
import { decisionsOf, parallelOf, statusOfGroup } from "./scaling.ts";

const skip = skipWithoutFleet;
const secondDay = parseDay("2023-12-31");
const fed = new FedHost();
let rig: FleetRig;

before(async () => {
  if (skip !== false) return;
  rig = await FleetRig.start(["alpha"], {
    // A file that one test holds back is not there yet: each has a symbol of its own.
    symbols: ["AAAUSDT", "BBBUSDT", "CCCUSDT", "DDDUSDT", "EEEUSDT", "FFFUSDT", "GGGUSDT"],
    servesArchive: true,
    hosts: { alpha: { programs: fed.bin, jobsMax: 2 } },
  });
});

after(async () => {
  await rig?.[Symbol.asyncDispose]();
});

const asked = (symbol: string, threshold: string): string[] => [
  "--symbol",
  symbol,
  "--threshold",
  threshold,
  "--end-date",
  "2023-12-31",
  "--host",
  "alpha",
];

async function queue(symbol: string, threshold = "250"): Promise<void> {
  const { code, stdout, stderr } = await rig.barkeep("populate", ...asked(symbol, threshold));
  assert.equal(code, exitCodes.ok, stdout + stderr);
}

async function firstDayDone(job: string): Promise<void> {
  await eventually("its first day", async () => ((await jobIn(rig, "alpha", job, "running")).days_done ?? 0) > 0);
}

const verbs = (actions: readonly { readonly action: string }[] | undefined): string[] => [
  ...new Set(actions?.map(({ action }) => action)),
];

test(
  "memory runs out: nothing is started, the youngest ends at its commit and keeps its place; when there is room it goes on",
  { skip },
  async () => {
    const letGo = rig.hold("AAAUSDT", secondDay);
    await queue("AAAUSDT");
    await firstDayDone("AAAUSDT@250:2023");
    await rig.host("alpha").daemon.pueue("parallel", "1", "--group", "p2");
    await queue("BBBUSDT");

    fed.feed({ memoryFull: 20 });
    const [short] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    assert.deepEqual(verbs(short?.actions), ["stop admitting", "hold group", "stop at commit"]);
    assert.equal(short?.actions.at(-1)?.unit, "AAAUSDT@250:2023");
    const stopped = await jobIn(rig, "alpha", "AAAUSDT@250:2023", "stopped");
    assert.match(stopped.text, /stopped to make room, and is queued again .*memory full 20 %.*: it ended with 130/);
    assert.equal(stopped.fix, "barkeep autoscale --apply --host alpha");
    letGo();
    const waiting = await jobIn(rig, "alpha", "BBBUSDT@250:2023", "waiting");
    assert.match(waiting.text, /its group p2 is held: .*memory full 20 %/);
    assert.equal(waiting.fix, "barkeep autoscale --apply --host alpha");
    const [still] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    assert.deepEqual([still?.requeued, still?.admitting], [[], false]);

    fed.feed({});
    const holdBack = rig.hold("AAAUSDT", secondDay);
    const [over] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    // A minute behind the step down another one up may follow.
    const opened = verbs(over?.actions).filter((action) => action !== "set parallel");
    assert.deepEqual(opened, ["admit again", "let group go"]);
    assert.deepEqual(over?.requeued, ["AAAUSDT@250:2023"]);
    const { attempt } = await jobIn(rig, "alpha", "AAAUSDT@250:2023", "waiting", "running");
    assert.equal(attempt, 2);
    holdBack();
    await jobIn(rig, "alpha", "AAAUSDT@250:2023", "done");
    await jobIn(rig, "alpha", "BBBUSDT@250:2023", "done");
  },
);

test(
  "where there is no time for a commit the youngest is killed, and is queued again before those that had not begun",
  { skip },
  async () => {
    const letGo = rig.hold("CCCUSDT", secondDay);
    await queue("CCCUSDT");
    await firstDayDone("CCCUSDT@250:2023");
    await rig.host("alpha").daemon.pueue("pause", "--wait", "--group", "px");
    fed.feed({ memoryFull: 60 });
    const [killing] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    assert.equal(killing?.actions.at(-1)?.action, "kill");
    const killed = await jobIn(rig, "alpha", "CCCUSDT@250:2023", "stopped");
    assert.match(killed.text, /stopped to make room/);
    const status = await rig.barkeep("status", "--host", "alpha");
    assert.equal(status.code, exitCodes.ok, "it is no failure of anybody's");
    letGo();
    fed.feed({});
    const queued = await eventually("it is queued again", async () => {
      const [decision] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
      return decision?.requeued[0];
    });
    assert.equal(queued, "CCCUSDT@250:2023");
    const tasks = z
      .object({ tasks: z.record(z.string(), z.object({ label: z.string(), priority: z.number() })) })
      .parse(JSON.parse(await rig.host("alpha").daemon.pueue("status", "--json"))).tasks;
    const again = Object.values(tasks).find(({ label }) => label.startsWith("CCCUSDT@250:2023#2"));
    assert.equal(again?.priority, 1);
    await jobIn(rig, "alpha", "CCCUSDT@250:2023", "done");
    using ledger = openExistingLedger(join(rig.folder, "operator"));
    const [first] = ledger.jobAttempts.ofJob("CCCUSDT@250:2023");
    assert.equal(first?.code, "STOPPED", "and no host was lost under it");
  },
);

/** Has the job of a symbol's 2023 stopped to make room, and gives the room back. */
async function stopForRoom(symbol: string): Promise<string> {
  const job = `${symbol}@250:2023`;
  const letGo = rig.hold(symbol, secondDay);
  await queue(symbol);
  await firstDayDone(job);
  fed.feed({ memoryFull: 20 });
  await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
  await jobIn(rig, "alpha", job, "stopped");
  letGo();
  fed.feed({});
  return job;
}

test("what was stopped to make room and is cancelled then is left to be named by a person", { skip }, async () => {
  const job = await stopForRoom("FFFUSDT");
  const cancelled = await rig.barkeep("cancel", job, "--host", "alpha");
  assert.equal(cancelled.code, exitCodes.ok, cancelled.stderr);
  assert.equal(cancelled.stdout, `${job} on alpha: stays stopped, and is not queued again`);
  const [decision] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
  assert.deepEqual([decision?.admitting, decision?.requeued, decision?.not_requeued], [true, [], []]);
  const left = await rig.barkeep("retry", "--host", "alpha");
  assert.match(left.stdout, /FFFUSDT@250:2023 on alpha: cancelled, a person ended it/);
  const named = await rig.barkeep("retry", job, "--host", "alpha");
  assert.equal(named.code, exitCodes.ok, named.stdout + named.stderr);
  await jobIn(rig, "alpha", job, "done");
});

test("what cannot be queued again is said once, and not tried at each look", { skip }, async () => {
  const job = await stopForRoom("GGGUSDT");
  const { label } = await jobIn(rig, "alpha", job, "stopped");
  rmSync(join(jobFolder(rig.host("alpha").directory, label), "settings.json"));
  const loop = new RunningCommand(["autoscale", "--host", "alpha", "--loop", "1"], rig.env);
  const looks = (): number => loop.stdout.match(/ alpha: (hold|up|share|down):? /g)?.length ?? 0;
  await eventually("it is said", () => loop.stdout.includes(`${job} is not queued again`));
  const before = looks();
  await eventually("three more looks", () => looks() >= before + 3);
  assert.equal(await loop.end("SIGTERM"), exitCodes.ok);
  assert.match(
    loop.stdout,
    /GGGUSDT@250:2023 is not queued again: what .* was queued with is not on alpha any more: plan/,
  );
  assert.equal(loop.stdout.match(/is not queued again/g)?.length, 1);
  const rows = (): number => {
    using ledger = openExistingLedger(join(rig.folder, "operator"));
    return ledger.journal.last(100, { kind: "job.not-requeued" }).length;
  };
  assert.equal(rows(), 1);
  await queue("GGGUSDT");
  await jobIn(rig, "alpha", job, "done");
});

test(
  "what failed too often by itself is not queued again because it was to be stopped once more",
  { skip },
  async () => {
    const job = "HHHUSDT@250:2023";
    const label = `${job}#4~0f`;
    await rig.host("alpha").daemon.pueue("add", "--group", "p2", `--label=${label}`, "--", "false");
    const { created_at: createdAt } = await jobIn(rig, "alpha", job, "failed");
    {
      using ledger = openExistingLedger(join(rig.folder, "operator"));
      for (const attempt of [1, 2, 3]) {
        const of = { host: "alpha", label: `${job}#${attempt}~0f`, job, group: "p2", attempt };
        ledger.jobAttempts.ended(of, { ...unmeasured, outcome: "exited", exit_code: 70, ended_ms: attempt });
      }
    }
    const path = join(rig.host("alpha").directory, "host-memory.alpha.json");
    const stopped = { job, label, createdAt, how: "stop at commit", waitingSinceMs: 0 };
    const known = z.looseObject({ stopped: z.array(z.unknown()) }).parse(JSON.parse(readFileSync(path, "utf8")));
    writeFileSync(path, JSON.stringify({ ...known, stopped: [...known.stopped, stopped] }));
    const [decision] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    assert.deepEqual(decision?.requeued, []);
    assert.match(decision?.not_requeued[0]?.reason ?? "", /^quarantined, .*failed 3 times by itself/);
    const [next] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    assert.deepEqual(next?.not_requeued, [], "it is a person's by now");
  },
);

const unmeasured = {
  code: null,
  limit_bytes: null,
  peak_bytes: null,
  resident_peak_bytes: null,
  cpu_ms: null,
  duration_ms: null,
  trades: null,
  bars: null,
  started_ms: null,
} as const;

test(
  "a drained host is given nothing, what runs there ends, what waits there stays; undrain opens it again",
  { skip },
  async () => {
    const letGo = rig.hold("DDDUSDT", secondDay);
    await queue("DDDUSDT", "500");
    await jobIn(rig, "alpha", "DDDUSDT@500:2023", "running");
    await rig.host("alpha").daemon.pueue("parallel", "1", "--group", "p3");
    await queue("BBBUSDT", "500");
    const drained = await rig.barkeep("drain", "alpha");
    assert.equal(drained.code, exitCodes.ok, drained.stderr);
    assert.match(drained.stdout, /alpha: is drained; 1 run and end, 1 wait until barkeep undrain alpha/);
    for (const words of [
      ["populate", ...asked("BBBUSDT", "750")],
      ["retry", "--host", "alpha", "--resume"],
    ]) {
      const { code, stderr } = await rig.barkeep(...words);
      assert.equal(code, exitCodes.refused, words.join(" "));
      assert.match(stderr, /HOST_DRAINED/);
    }
    letGo();
    await jobIn(rig, "alpha", "DDDUSDT@500:2023", "done");
    const [decision] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    assert.deepEqual([decision?.actions, decision?.reason], [[], "the host is drained: nothing is started there"]);
    const waiting = await jobIn(rig, "alpha", "BBBUSDT@500:2023", "waiting");
    assert.equal(waiting.fix, "barkeep undrain alpha");
    const status = await rig.barkeep("status", "--host", "alpha");
    assert.match(status.stdout, /drained since \d{4}-/);
    const opened = await rig.barkeep("undrain", "alpha");
    assert.equal(opened.code, exitCodes.ok, opened.stderr);
    await jobIn(rig, "alpha", "BBBUSDT@500:2023", "done");
  },
);

test(
  "jobs_max less than the groups: one that gets work has the place of one that has none, and never more run",
  { skip },
  async () => {
    assert.equal(await statusOfGroup(rig, "alpha", "p1"), "Paused", "p1 has no work and no place");
    const letGo = rig.hold("EEEUSDT", secondDay);
    await queue("EEEUSDT", "1000");
    await jobIn(rig, "alpha", "EEEUSDT@1000:2023", "running");
    const [view] = await statusOf(rig, "alpha");
    const open = (view?.groups ?? []).filter(({ group, status }) => group.startsWith("p") && status === "running");
    const allowed = await Promise.all(open.map(async ({ group }) => parallelOf(rig, "alpha", group)));
    assert.ok(allowed.reduce<number>((sum, one) => sum + (one ?? 0), 0) <= 2, JSON.stringify(view?.groups));
    letGo();
    await jobIn(rig, "alpha", "EEEUSDT@1000:2023", "done");
    // What was stopped and killed is whole.
    await assertComplete(rig);
  },
);
