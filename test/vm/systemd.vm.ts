import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { fleetHost, loadFleet } from "../../lib/config/index.ts";
import { releasePrograms } from "../../lib/deploy/programs.ts";
import type { Host } from "../../lib/hosts/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { learn } from "../../lib/plan/lessons.ts";
import { grantedBytes, memoryPolicy, memoryRequest } from "../../lib/plan/memory.ts";
import { jobFolder, runResultSchema, type RunResult } from "../../lib/queue/job-files.ts";
import { scopeCommand } from "../../lib/queue/memory-scope.ts";
import { renderUnit, unitsOf } from "../../lib/services/units.ts";
import { verifyUnits } from "../../lib/services/verify.ts";
import { serviceNames } from "../../lib/model/services.ts";
import { eventually } from "../queue/tasks.ts";
import { account } from "./image.ts";
import { directory, VmRig } from "./rig.ts";

const mib = 1 << 20;
let rig: VmRig;

before(async () => {
  rig = await VmRig.start((line) => process.stderr.write(`${line}\n`));
});

after(async () => rig?.[Symbol.asyncDispose]());

/** Words that run a program there under its supervisor, in a scope with a limit. */
function scoped(unit: string, memoryBytes: number, ...argv: readonly [string, ...string[]]): [string, ...string[]] {
  return scopeCommand(unit, memoryBytes, supervised(unit, ...argv));
}

function supervised(unit: string, ...argv: readonly [string, ...string[]]): [string, ...string[]] {
  const { supervise } = releasePrograms(join(directory, "current"));
  const folders = ["--job-folder", jobFolder(directory, unit), "--units-folder", join(directory, "units")];
  return [...supervise, "--label", unit, "--unit", unit, ...folders, "--", ...argv];
}

async function resultOf(host: Host, unit: string): Promise<RunResult> {
  const file = await host.readFile(join(jobFolder(directory, unit), "result.json"));
  return runResultSchema.parse(JSON.parse(file?.toString("utf8") ?? ""));
}

test("a host whose services would end at a logout gets none, and says what to type; then deploy brings them", async () => {
  const refused = await rig.barkeep("services", "install", "--host", "vm");
  assert.equal(refused.code, exitCodes.refused, refused.stderr);
  const fix = /there: (sudo loginctl enable-linger \w+)/.exec(refused.stdout)?.[1];
  assert.equal(fix, `sudo loginctl enable-linger ${account}`);
  await rig.machine.rootShell(fix.replace("sudo ", ""));

  const deployed = await rig.barkeepOk("deploy", "vm");
  assert.match(deployed, /vm: release [0-9a-f]{16} is current[^]*pueued\.service new/);
  assert.match(await rig.barkeepOk("services", "status", "--host", "vm"), /pueued +active \(running\)/);
  assert.equal(
    await rig.machine.shell(`ls ${directory}/current/node_modules | grep -c chdb; true`),
    "0",
    "no engine there",
  );
});

test("this systemd accepts every unit; one that it does not understand is refused with what it says", async () => {
  const { barkeep, node } = releasePrograms(join(directory, "current"));
  const values = { barkeep, settingsFile: `${directory}/services/a 100% "name".toml`, pueued: node };
  const files = serviceNames.flatMap((name) => unitsOf(name).files);
  const units = files.map((file) => ({ file, text: renderUnit(file, values) }));
  await using host = rig.machine.open();
  const entry = fleetHost(loadFleet(rig.fleetFile), "vm");
  const before = await rig.machine.shell("ls /tmp");
  await verifyUnits(host, entry, units);
  const odd = { file: "odd.service", text: "[Service]\nExecStart=/bin/true\nMemoryMoxx=1G\n" };
  await assert.rejects(verifyUnits(host, entry, [...units, odd]), /odd\.service:3: Unknown key/);
  const away = { file: "away.service", text: "[Service]\nExecStart=/nowhere/program\n" };
  await assert.rejects(verifyUnits(host, entry, [away]), /away\.service: Command \/nowhere\/program is not executable/);
  assert.equal(await rig.machine.shell("ls /tmp"), before, "nothing is left there");
});

test("the user manager bounds memory in scopes, and the kernel tells of pressure", async () => {
  assert.match(await rig.barkeepOk("guard-status", "--host", "vm"), /^vm: scope; /);
  assert.match(await rig.machine.shell("cat /proc/pressure/memory"), /^full avg10=\d/m);
  const group = `/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service`;
  assert.match(
    await rig.machine.shell(`cat ${group}/memory.pressure ${group}/cgroup.controllers`),
    /^some avg10=[^]*memory/,
  );
});

test("a job over its limit is killed and says so; one size up it ends well", async () => {
  const eater = ["sh", "-c", "head -c 250M /dev/zero | tail >/dev/null"] as const;
  await using host = rig.machine.open();
  const run = async (unit: string, memoryBytes: number, ...argv: readonly [string, ...string[]]) =>
    host.exec(scoped(unit, memoryBytes, ...argv), { cwd: "/", timeoutMs: 5 * 60_000 });

  const first = await run("vm.eater.1", 256 * mib, ...eater);
  assert.equal(first.code, 137, first.stderr);
  const killed = await resultOf(host, "vm.eater.1");
  assert.equal(killed.outcome, "out-of-memory");
  assert.deepEqual([killed.guard, killed.memoryMaxBytes], ["scope", 256 * mib]);
  assert.ok(killed.outOfMemoryKills > 0 && killed.memoryPeakBytes >= 255 * mib, JSON.stringify(killed));

  const attempt = { limitBytes: 256 * mib, peakBytes: killed.memoryPeakBytes, wasOutOfMemory: true };
  const size = { group: "p2", thresholds: 1, archiveBytes: 0, attempts: [attempt] } as const;
  const request = memoryRequest(size, learn([]), { ...memoryPolicy, baseBytes: 0 });
  assert.equal(request.basis, "escalated");
  assert.equal(grantedBytes(request, 1000 * mib), 384 * mib);
  const second = await run("vm.eater.2", 384 * mib, ...eater);
  assert.equal(second.code, 0, second.stderr);
  const well = await resultOf(host, "vm.eater.2");
  assert.deepEqual([well.outcome, well.exitCode, well.outOfMemoryKills], ["exited", 0, 0]);
  assert.ok(well.memoryPeakBytes > 250 * mib && well.memoryPeakBytes < 384 * mib, JSON.stringify(well));
  assert.ok(well.cpuMs > 0);
});

test("a job that would grow without an end does not hang just below its limit", async () => {
  await using host = rig.machine.open();
  const words = scoped("vm.endless", 200 * mib, "tail", "/dev/zero");
  const { code, stderr } = await host.exec(words, { cwd: "/", timeoutMs: 5 * 60_000 });
  assert.equal(code, 137, stderr);
  assert.equal((await resultOf(host, "vm.endless")).outcome, "out-of-memory");
});

test("the same job is refused a second time, by systemd and by the supervisor", async () => {
  await using host = rig.machine.open();
  const running = await host.start(scoped("vm.twice", 200 * mib, "sleep", "600"), { cwd: "/" });
  running.stdout.resume();
  running.stderr.resume();
  await eventually("it runs", async () => host.readFile(join(jobFolder(directory, "vm.twice"), "pid.json")));

  const again = await host.exec(scoped("vm.twice", 200 * mib, "true"), { cwd: "/" });
  assert.equal(again.code, 1);
  assert.match(again.stderr, /vm\.twice\.scope was already loaded or has a fragment file/);
  const beside = await host.exec(supervised("vm.twice", "true"), { cwd: "/" });
  assert.equal(beside.code, exitCodes.refused, beside.stderr);
  assert.match(beside.stderr, /UNIT_RUNNING/);
  await running.kill();
});

/** Whether the account is logged in, as the administrator sees it. */
async function isLoggedIn(): Promise<boolean> {
  const sessions = await rig.machine.rootShell("loginctl list-sessions --no-legend");
  return sessions.includes(account);
}

test("the queue's daemon and its jobs outlive a logout", async () => {
  await rig.machine.shell("rm -f /tmp/go /tmp/done");
  const job = "until [ -e /tmp/go ]; do sleep 1; done; touch /tmp/done";
  await rig.machine.shell(`PATH=$PATH:$HOME/.local/bin pueue add -- '${job}'`);
  await eventually("the account has logged out", async () => !(await isLoggedIn()) || undefined);
  await rig.machine.rootShell("touch /tmp/go");
  await eventually("the job ends", async () => {
    assert.equal(await isLoggedIn(), false);
    return rig.machine.rootShell("[ -e /tmp/done ] && echo yes; true");
  });
});

const days = ["--symbol", "BTCUSDT", "--start-date", "2024-08-08", "--end-date", "2024-08-09", "--host", "vm"];

/** Waits until no job of the machine waits or runs. */
async function untilIdle(): Promise<void> {
  await rig.machine.shell("PATH=$PATH:$HOME/.local/bin pueue wait --all --quiet");
}

test("a populate there, in a scope, with the store out here", async () => {
  await rig.barkeepOk("populate", ...days, "--threshold", "250");
  await untilIdle();
  await rig.barkeepOk("status", "--host", "vm");
  await rig.barkeepOk("status");
  await rig.barkeepOk("verify", "all", "--deep");
  const results = await rig.machine.shell(`cat ${directory}/jobs/BTCUSDT*/result.json`);
  const result = runResultSchema.parse(JSON.parse(results));
  assert.deepEqual([result.outcome, result.exitCode, result.guard], ["exited", 0, "scope"]);
  assert.ok(result.memoryPeakBytes > 10 * mib, "the kernel's own count");
});

test("heal, check and heartbeat under systemd: active once they are ready, well with findings, told to look again, stopped cleanly", async () => {
  const names = ["heal", "check", "heartbeat"];
  await rig.barkeepOk("services", "install", ...names, "--host", "vm");
  await using host = rig.machine.open();
  const systemctl = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await host.exec(["systemctl", "--user", ...words], {
      cwd: "/",
      timeoutMs: 10 * 60_000,
    });
    assert.equal(code, 0, `systemctl ${words.join(" ")}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  const property = async (unit: string, name: string): Promise<string> =>
    systemctl("show", unit, "--value", "-p", name);
  const journal = async (unit: string): Promise<string> =>
    rig.machine.rootShell(`journalctl --no-pager -o cat _SYSTEMD_USER_UNIT=${unit}`);

  // Type=notify: it is not active before it has said READY=1.
  await systemctl("is-active", "barkeep-heal.service");
  const resting = /Active: active \(running\)[^]*Status: ".*; the next look in \d+ s"/;
  await eventually("it has looked, and said so", async () =>
    resting.test(await systemctl("status", "barkeep-heal.service")),
  );
  await systemctl("reload", "barkeep-heal.service");
  await eventually("it looks again", async () =>
    (await journal("barkeep-heal.service")).includes("asked to look again"),
  );
  const passes = /^(no gaps|\d+ of \d+ gaps healed, \d+ left)$/gm;
  await eventually("it has looked again", async () => {
    const [, second] = (await journal("barkeep-heal.service")).match(passes) ?? [];
    return second;
  });

  // The sample's days are of another year: findings, and no failure of the unit.
  for (const unit of ["barkeep-heartbeat.service", "barkeep-check.service"]) {
    await systemctl("start", unit);
    assert.deepEqual(
      [await property(unit, "Result"), await property(unit, "ExecMainStatus")],
      ["success", "1"],
      await journal(unit),
    );
    assert.match(await journal(unit), /series-dead range:binance\/spot\/BTCUSDT@250/);
  }
  const status = await rig.barkeepOk("services", "status", "--host", "vm");
  for (const [name, state] of [
    ["heal", "running"],
    ["check", "waiting"],
    ["heartbeat", "waiting"],
  ] as const) {
    assert.match(status, new RegExp(`${name} +active \\(${state}\\)`));
  }

  // What systemd is told by a process that is gone by then belongs to no unit.
  assert.doesNotMatch(await rig.machine.rootShell("journalctl --no-pager -o cat"), /notify message of PID/);

  await systemctl("stop", "barkeep-heal.service");
  assert.deepEqual(
    [await property("barkeep-heal.service", "Result"), await property("barkeep-heal.service", "ExecMainStatus")],
    ["success", "0"],
  );
  await rig.barkeepOk("services", "uninstall", ...names, "--host", "vm");
  const units = await systemctl("list-unit-files", "--no-legend");
  assert.doesNotMatch(units, /barkeep-(heal|check|heartbeat)/);
});

test("after a power cut the queue's daemon is back without a login, and one command goes on", async () => {
  await rig.barkeepOk("populate", ...days, "--threshold", "25", "--threshold", "50", "--per-threshold");
  // pueue leaves to the system when its state gets to the disk.
  await rig.machine.shell("sync");
  await rig.machine.cutPower();
  await eventually("pueued is there", async () => rig.machine.rootShell(`pgrep -u ${account} pueued; true`));
  assert.equal(await isLoggedIn(), false);

  const after = await rig.barkeep("status", "--host", "vm");
  assert.equal(after.code, exitCodes.findings, after.stdout + after.stderr);
  assert.match(after.stdout, /its group px is paused[^]*groups resume px --host vm/);
  await rig.barkeepOk("retry", "--all-hosts", "--resume");
  await untilIdle();
  await rig.barkeepOk("status");
  await rig.barkeepOk("verify", "all", "--deep");
});
