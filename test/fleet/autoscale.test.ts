import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { z } from "zod";
import { readScalerState, writeScalerState } from "../../lib/fleet/scale/scaler-state.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { barkeep, projectRoot } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { FleetRig, skipWithoutFleet } from "../rig/fleet.ts";
import { FedHost } from "../rig/pressure.ts";
import { decisionsIn, decisionsOf, parallelOf, statusOfGroup, waitingTask } from "./scaling.ts";

const skip = skipWithoutFleet;
const alphaHost = new FedHost();
let rig: FleetRig;

before(async () => {
  if (skip !== false) return;
  rig = await FleetRig.start(["alpha", "beta"], {
    hosts: { alpha: { programs: alphaHost.bin, jobsMax: 12 }, beta: { jobsMax: 12 } },
  });
  for (const name of ["alpha", "beta"]) {
    const { code, stderr } = await rig.barkeep("groups", "setup", "--host", name);
    assert.equal(code, exitCodes.ok, stderr);
  }
  // Two run and fill p2, two wait: the host has room for more.
  for (const year of [2020, 2021, 2022, 2023]) await waitingTask(rig, "alpha", "p2", `AAAUSDT@250:${year}`);
  await running(2);
});

/** Waits until so many tasks of alpha run. */
async function running(count: number): Promise<void> {
  const { daemon } = rig.host("alpha");
  await eventually(`${count} run`, async () => {
    return (await daemon.pueue("status", "--json")).match(/"Running":\{/g)?.length === count;
  });
}

after(async () => {
  await rig?.[Symbol.asyncDispose]();
});

function rows(): { readonly subject: string; readonly details: unknown }[] {
  using ledger = openExistingLedger(join(rig.folder, "operator"));
  return ledger.journal.last(100, { kind: "scaler.decided" });
}

test("without --apply it says what it would do, and changes nothing", { skip }, async () => {
  const said = await rig.barkeep("autoscale", "--host", "alpha");
  assert.equal(said.code, exitCodes.ok, said.stderr);
  assert.match(
    said.stdout,
    /^alpha: up: memory some 0 % < 1 %, .*; p1 4 → 3; p2 2 → 4\nnothing was changed: --apply does it$/,
  );
  assert.equal(await parallelOf(rig, "alpha", "p2"), 2);
  assert.deepEqual(rows(), []);
});

test("S-19: a paused group is left alone, and it is said", { skip }, async () => {
  const { daemon } = rig.host("alpha");
  await daemon.pueue("pause", "--wait", "--group", "p2");
  const [decision] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
  assert.deepEqual(decision?.actions, []);
  assert.match(decision?.groups.find(({ group }) => group === "p2")?.reason ?? "", /^paused/);
  const status = await daemon.pueue("group", "--json");
  assert.match(status, /"p2":\{"status":"Paused","parallel_tasks":2\}/);
  await daemon.pueue("start", "--group", "p2");
});

test("S-19: a status that nobody knows: nothing is done, exit 2, and it is said", { skip }, async () => {
  alphaHost.answer('{"tasks":{},"groups":{"p2":{"status":"Dreaming","parallel_tasks":1}}}');
  const [decision] = await decisionsOf(rig, exitCodes.unavailable, "--host", "alpha", "--apply");
  alphaHost.answer();
  assert.deepEqual([decision?.verdict, decision?.actions], ["none", []]);
  assert.match(decision?.reason ?? "", /the queue's status cannot be read/);
  assert.equal(await parallelOf(rig, "alpha", "p2"), 2);
});

const numbers = z.object({
  verdict: z.literal("up"),
  ledger: z.object({ reserved_bytes: z.number() }),
  measured: z.object({ available_bytes: z.number(), pressure: z.object({ memory: z.unknown() }) }),
});

test(
  "--apply changes what runs at once; the journal has the numbers; the next run remembers and waits",
  { skip },
  async () => {
    const [first] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    assert.equal(first?.verdict, "up");
    assert.equal(await parallelOf(rig, "alpha", "p2"), 4);
    const row = rows().at(-1);
    assert.equal(row?.subject, "alpha");
    assert.equal(numbers.parse(row?.details).ledger.reserved_bytes, 4e8, "what runs and what may be started");
    await running(4);
    {
      using ledger = openExistingLedger(join(rig.folder, "operator"));
      const state = readScalerState(ledger, "alpha");
      assert.ok(state.upAtMs !== undefined, "the step is remembered");
      // As if it had been taken just now: the wait is ten seconds, and a machine that does much else may need them.
      writeScalerState(ledger, "alpha", { ...state, upAtMs: Date.now() + 60_000 });
    }
    const [second] = await decisionsOf(rig, exitCodes.ok, "--host", "alpha", "--apply");
    assert.deepEqual([second?.verdict, second?.actions], ["hold", []]);
    assert.match(second?.reason ?? "", /the last step needs .* more to show/);
  },
);

test(
  "S-19: the loop lives through a host that dies, comes back to it by itself, and ends at SIGTERM",
  { skip },
  async (t) => {
    await rig.host("beta").sshd.kill();
    const [alive, dead] = await decisionsOf(rig, exitCodes.unavailable, "--all-hosts", "--apply");
    assert.equal(alive?.verdict, "hold");
    assert.deepEqual([dead?.verdict, dead?.actions], ["none", []]);
    const words = ["autoscale", "--all-hosts", "--loop", "1"];
    const loop = spawn(process.execPath, [join(projectRoot, "bin", "barkeep.mjs"), ...words], {
      env: { ...process.env, ...rig.env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => loop.kill("SIGKILL"));
    const ended = once(loop, "exit");
    const lines: string[] = [];
    createInterface({ input: loop.stdout }).on("line", (line) => lines.push(line.slice(line.indexOf(" ") + 1)));
    const said = async (what: RegExp, from: number): Promise<boolean> =>
      eventually(String(what), () => lines.slice(from).some((line) => what.test(line)));
    await said(/^beta: none: the host is lost/, 0);
    const drained = await rig.barkeep("drain", "beta");
    assert.equal(drained.code, exitCodes.unavailable, "its queue was not told");
    assert.match(drained.stdout, /^beta: is drained; its queue was not told: /);
    await said(/^alpha: /, lines.length);
    await rig.host("beta").sshd.start();
    await said(/^beta: hold: the host is drained: .*; hold p1; hold p2; hold p3; hold px$/, lines.length);
    loop.kill("SIGTERM");
    assert.deepEqual(await ended, [exitCodes.ok, null]);
  },
);

test(
  "the autoscaler that runs on the host and the operator know what the other has held and drained there",
  { skip },
  async () => {
    const there = rig.serviceEnv("alpha", alphaHost.bin);
    alphaHost.feed({ memoryFull: 8 });
    const [short] = await decisionsIn(there, exitCodes.ok, "--host", "alpha", "--apply");
    assert.ok(short?.actions.some(({ action, group }) => action === "hold group" && group === "p2"));
    const status = await rig.barkeep("status", "--host", "alpha");
    assert.match(status.stdout, /p2 +held/, "the operator is told that it is held, not that somebody paused it");
    const drained = await rig.barkeep("drain", "alpha");
    assert.equal(drained.code, exitCodes.ok, drained.stdout + drained.stderr);
    alphaHost.feed({});
    for (let i = 0; i < 2; i += 1) {
      const [decision] = await decisionsIn(there, exitCodes.ok, "--host", "alpha", "--apply");
      assert.equal(decision?.reason, "the host is drained: nothing is started there");
      assert.ok(decision?.actions.every(({ action }) => action !== "let group go"));
      assert.equal(await statusOfGroup(rig, "alpha", "p2"), "Paused");
    }
    const opened = await rig.barkeep("undrain", "alpha");
    assert.equal(opened.code, exitCodes.ok, opened.stdout + opened.stderr);
    assert.equal(await statusOfGroup(rig, "alpha", "p2"), "Running", "the operator lets go what the host has held");
    const [open] = await decisionsIn(there, exitCodes.ok, "--host", "alpha", "--apply");
    assert.doesNotMatch(open?.reason ?? "", /drained/);
  },
);

test(
  "what is remembered on a host and cannot be understood: nothing is decided, queued or opened there, and it is said",
  { skip },
  async () => {
    const path = join(rig.host("alpha").directory, "host-memory.alpha.json");
    writeFileSync(path, "{");
    const [decision] = await decisionsOf(rig, exitCodes.unavailable, "--host", "alpha", "--apply");
    assert.deepEqual([decision?.verdict, decision?.actions], ["none", []]);
    for (const words of [["status"], ["retry"], ["groups", "resume"]]) {
      const { code, stdout, stderr } = await rig.barkeep(...words, "--host", "alpha");
      assert.equal(code, exitCodes.unavailable, words.join(" "));
      assert.match(stdout + stderr, /HOST_MEMORY/);
    }
    rmSync(path);
  },
);

test("without pressure information the operator's own limits decide", { skip }, async () => {
  alphaHost.feedNothing();
  const limits = { AUTOSCALE_MEM_FLOOR: "0", AUTOSCALE_MEM_CEILING: "1" };
  const { code, stdout, stderr } = await barkeep(["autoscale", "--host", "alpha"], { ...rig.env, ...limits });
  alphaHost.feed({});
  assert.equal(code, exitCodes.ok, stderr);
  // Down, or waiting until the last step has shown.
  assert.match(stdout, /^alpha: (down|hold): (memory in use \d+ % is above 1 %|load \d+ % is above 80 %)/);
});

test("a loop's and a number's wrong use is refused", { skip }, async () => {
  for (const words of [
    ["--loop", "0"],
    ["--loop", "5", "--apply"],
    ["--loop", "5", "--json"],
  ]) {
    const { code } = await rig.barkeep("autoscale", "--host", "alpha", ...words);
    assert.equal(code, exitCodes.usage, words.join(" "));
  }
});
