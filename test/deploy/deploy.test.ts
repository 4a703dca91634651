import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { execa } from "execa";
import { z } from "zod";
import { releaseFolder, releasePrograms } from "../../lib/deploy/programs.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { jobFolder, runRecordSchema, runResultSchema } from "../../lib/queue/job-files.ts";
import { projectRoot, temporaryFolder, type Outcome } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { ArchiveServer } from "../rig/archive-server.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { noSshd, Sshd } from "../rig/sshd.ts";
import { WorkingTree } from "./releases.ts";

const skip = noSshd;
const state = join(temporaryFolder("deploy-state"), "state");
const directory = join(temporaryFolder("deploy-host"), "barkeep");
const releases = join(directory, "releases");
const jobState = join(temporaryFolder("deploy-jobs"), "state");

let tree: WorkingTree;
let sshd: Sshd;
let store: ServedStoreProcess;
let fleet = "";

before(async () => {
  if (skip !== false) return;
  tree = new WorkingTree();
  // There, whatever this machine has, no user manager keeps services.
  const programs = temporaryFolder("deploy-programs");
  writeFileSync(join(programs, "systemctl"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  sshd = await Sshd.start({ lines: [`SetEnv PATH=${programs}${delimiter}${process.env["PATH"]}`] });
  store = await ServedStoreProcess.start(join(temporaryFolder("deploy-store"), "state"));
  fleet = join(temporaryFolder("deploy-fleet"), "fleet.toml");
  const lines = [`directory = "${directory}"`, 'queue = "local"', "memory_mb = 1000", "jobs_max = 1"];
  writeFileSync(fleet, ["[hosts.far]", 'ssh = "rig"', `store_url = "${store.url}"`, ...lines].join("\n"));
});

after(async () => {
  if (skip !== false) return;
  await sshd[Symbol.asyncDispose]();
  await store.stop();
});

function wordsOf(verb: string, more: readonly string[]): string[] {
  const program = join(tree.root, "ops", `${verb}.ts`);
  return [program, "far", "--fleet", fleet, "--ssh-config", sshd.configFile, "--state", state, ...more];
}

function environment(): Record<string, string> {
  // The login of the host's store; the store of this machine is another matter.
  return { CLICKHOUSE_USER: store.user, CLICKHOUSE_PASSWORD: store.password, BARKEEP_SETTINGS: "off" };
}

/** Runs a verb of the working tree, as a person does who stands in it. */
async function run(verb: string, ...more: string[]): Promise<Outcome> {
  const options = { reject: false, env: environment(), cwd: tree.root };
  const { exitCode, stdout, stderr } = await execa(process.execPath, wordsOf(verb, more), options);
  return { code: exitCode ?? -1, stdout, stderr };
}

const deployed = z.object({ release: z.string(), before: z.string().nullable(), removed: z.array(z.string()) });

async function deploy(version: string): Promise<z.infer<typeof deployed>> {
  tree.setVersion(version);
  const { code, stdout, stderr } = await run("deploy", "--json");
  assert.equal(code, exitCodes.ok, stderr);
  return deployed.parse(JSON.parse(stdout));
}

/** Starts a deploy and kills it without a warning when it says so. */
async function deployKilledAt(version: string, pattern: RegExp): Promise<void> {
  tree.setVersion(version);
  const child = spawn(process.execPath, wordsOf("deploy", []), {
    cwd: tree.root,
    env: { ...process.env, ...environment() },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    if (pattern.test(said)) child.kill("SIGKILL");
  });
  await once(child, "close");
  assert.equal(child.signalCode, "SIGKILL", `it never said ${pattern}: ${said}`);
}

function current(): string {
  return readlinkSync(join(directory, "current")).replace(/^releases\//, "");
}

function versionAt(name: string): unknown {
  return z
    .object({ version: z.string() })
    .parse(JSON.parse(readFileSync(join(releaseFolder(directory, name), "package.json"), "utf8"))).version;
}

function unpacked(): string[] {
  return readdirSync(releases).filter((name) => /^[0-9a-f]{16}$/.test(name));
}

function journal(): string[] {
  using ledger = openExistingLedger(state);
  return ledger.journal.last(100, { subject: "far" }).map(({ kind }) => kind);
}

test("before anything is deployed, a host that cannot keep services is refused for that first", { skip }, async () => {
  const program = join(tree.root, "ops/services/install.ts");
  const folder = temporaryFolder("services");
  const queued = join(folder, "fleet.toml");
  writeFileSync(queued, readFileSync(fleet, "utf8").replace('queue = "local"', 'queue = "pueue"'));
  const here = ["--fleet", queued, "--ssh-config", sshd.configFile, "--state", join(folder, "state")];
  const words = [program, "autoscale", "--host", "far", ...here];
  const { exitCode, stdout, stderr } = await execa(process.execPath, words, { reject: false, env: environment() });
  assert.equal(exitCode, exitCodes.refused, stderr);
  assert.match(stdout, /^far: far cannot keep services: [^]*SERVICES_HOST/);
});

test("the first deploy makes a release current that works there; the second has nothing to do", { skip }, async () => {
  tree.setVersion("1.0.0");
  const planned = await run("deploy", "--plan");
  assert.equal(planned.code, exitCodes.ok, planned.stderr);
  assert.match(
    planned.stdout,
    /^far: release [0-9a-f]{16} \(1\.0\.0, .* without the embedded engine\) would be sent and /,
  );
  assert.ok(!existsSync(directory) && !existsSync(state), "a plan changes nothing, here or there");

  const { release, before } = await deploy("1.0.0");
  assert.equal(before, null);
  assert.equal(current(), release);
  assert.equal(versionAt(release), "1.0.0");
  assert.ok(existsSync(join(directory, "current/bin/barkeep.mjs")), "where the doctor looks");
  assert.ok(!existsSync(join(directory, "current/node_modules/chdb")), "its store is a server");
  assert.deepEqual(readdirSync(releases).sort(), [release, "history"].sort(), "nothing is left lying about");
  assert.deepEqual(journal(), ["release.uploading", "release.gating", "release.switching"]);

  const again = await run("deploy");
  assert.equal(again.code, exitCodes.ok, again.stderr);
  assert.equal(again.stdout, `far: release ${release} is current already`);
  assert.equal(journal().length, 3, "what is not done is in no journal");
});

test("a release that does not work there never becomes current", { skip }, async () => {
  const good = current();
  tree.edit("lib/datasets/range/canary.ts", (text) => text.replace("7b0110f486f18243", "7b0110f486f18244"));
  const otherBars = await run("deploy");
  assert.equal(otherBars.code, exitCodes.refused, otherBars.stderr);
  assert.match(otherBars.stderr, /canary failed: [^]*\(DEPLOY_GATE\)/);
  tree.edit("lib/datasets/range/canary.ts", (text) => text.replace("7b0110f486f18244", "7b0110f486f18243"));

  // A program that is missing shows only where it is started.
  tree.edit("node_modules/node/bin/node", (text) => text.replace("exec ", "exec /nowhere"));
  const cannotStart = await run("deploy");
  assert.equal(cannotStart.code, exitCodes.refused, cannotStart.stderr);
  assert.match(cannotStart.stderr, /does not start: [^]*\(DEPLOY_GATE\)/);
  tree.edit("node_modules/node/bin/node", (text) => text.replace("exec /nowhere", "exec "));

  assert.equal(current(), good);
  assert.ok(!journal().slice(3).includes("release.switching"));
});

test("killed in the middle, the old release is current, and the same command goes on", { skip }, async () => {
  const old = current();
  for (const pattern of [/uploading/, /unpacking there/, /trying release/]) {
    await deployKilledAt("1.1.0", pattern);
    assert.equal(current(), old, `killed at ${pattern}`);
    for (const name of unpacked()) assert.ok(existsSync(join(releases, name, "package.json")), "whole, or not there");
  }
  const { release, before } = await deploy("1.1.0");
  assert.equal(before, old);
  assert.equal(current(), release);
  assert.equal(versionAt(release), "1.1.0");
});

/** Starts a program of a release under its supervisor, by the release's real path. */
function superviseWith(name: string, label: string, words: readonly string[]): ChildProcess {
  const { supervise } = releasePrograms(realpathSync(releaseFolder(directory, name)));
  const folders = ["--job-folder", jobFolder(jobState, label), "--units-folder", join(jobState, "units")];
  return spawn(supervise[0], [supervise[1], "--label", label, "--unit", label, ...folders, "--", ...words], {
    cwd: "/",
    env: { ...process.env, ...store.env, BARKEEP_SETTINGS: "off" },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

test("S-27: a unit finishes on the release that it began with, while another one is deployed", { skip }, async () => {
  const began = current();
  const folder = realpathSync(releaseFolder(directory, began));
  await using archive = new ArchiveServer(join(projectRoot, "examples/archive"));
  const url = await archive.start();
  const gate = Promise.withResolvers<void>();
  archive.holds.set("2024-08-09.zip", gate.promise);
  const unit = ["--symbol", "BTCUSDT", "--threshold", "25", "--start-date", "2024-08-08", "--end-date", "2024-08-09"];
  const where = ["--archive", url, "--state", jobState, "--symbols", join(folder, "examples/symbols.toml")];
  const child = superviseWith(began, "s-27", [...releasePrograms(folder).barkeep, "populate", ...unit, ...where]);
  const ended = once(child, "exit");
  await eventually("the unit waits for its second day", () => archive.requestsFor("2024-08-09.zip") > 0);

  const { release } = await deploy("2.0.0");
  assert.notEqual(release, began);
  const path = join(jobFolder(jobState, "s-27"), "pid.json");
  const { workerPid } = runRecordSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  assert.ok(readFileSync(`/proc/${workerPid}/cmdline`, "utf8").includes(folder), "it runs from its own release");
  gate.resolve();
  await ended;
  const result = runResultSchema.parse(
    JSON.parse(readFileSync(join(jobFolder(jobState, "s-27"), "result.json"), "utf8")),
  );
  assert.deepEqual([result.outcome, result.exitCode], ["exited", 0]);
});

test("old releases go, but none that a process runs from", { skip }, async () => {
  const history = readFileSync(join(releases, "history"), "utf8").trim().split("\n");
  const [oldest = ""] = history;
  assert.equal(history.length, 3);
  const child = superviseWith(oldest, "sleeper", ["sleep", "3600"]);
  const ended = once(child, "exit");
  await eventually("the sleeper runs", () => existsSync(join(jobFolder(jobState, "sleeper"), "pid.json")));
  assert.ok(!(await deploy("2.1.0")).removed.includes(oldest));
  assert.ok(unpacked().includes(oldest));
  child.kill("SIGTERM");
  await ended;
  const { removed } = await deploy("2.2.0");
  assert.ok(removed.includes(oldest), "nobody needs it any more");
  assert.equal(unpacked().length, 3);
});

test(
  "where the services cannot be kept, no release becomes current: not a new one, nor the one before",
  { skip },
  async () => {
    const now = current();
    const without = fleet;
    fleet = `${without}.services`;
    writeFileSync(fleet, `${readFileSync(without, "utf8")}\nservices = ["autoscale"]\n`);
    for (const words of [["--plan"], []]) {
      const refused = await run("rollback", ...words);
      assert.equal(refused.code, exitCodes.refused, refused.stderr);
      assert.match(refused.stderr, /SERVICES_HOST/);
    }
    tree.setVersion("2.9.0");
    const known = journal().filter((kind) => kind === "release.switching").length;
    const deployed = await run("deploy");
    assert.equal(deployed.code, exitCodes.refused, deployed.stderr);
    assert.match(deployed.stderr, /SERVICES_HOST/);
    fleet = without;
    assert.equal(current(), now);
    assert.equal(journal().filter((kind) => kind === "release.switching").length, known);
  },
);

test("rollback goes back to the release before, which is tried again", { skip }, async () => {
  const planned = await run("rollback", "--plan");
  assert.match(planned.stdout, /would be current instead of/);
  const first = await run("rollback", "--json");
  assert.equal(first.code, exitCodes.ok, first.stderr);
  assert.match(first.stderr, /canary of 105 bars/);
  assert.equal(versionAt(current()), "2.1.0");
  assert.equal((await run("rollback")).code, exitCodes.ok);
  assert.equal(versionAt(current()), "2.0.0");
  const third = await run("rollback");
  assert.equal(third.code, exitCodes.refused, third.stderr);
  assert.match(third.stderr, /\(NO_EARLIER_RELEASE\)/);
});
