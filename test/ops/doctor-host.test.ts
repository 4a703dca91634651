import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { noSshd, Sshd } from "../rig/sshd.ts";
import { barkeep, temporaryFolder } from "./run.ts";

const skip = noSshd;
const document = z.object({
  version: z.literal(1),
  host: z.string(),
  queue: z.string(),
  checks: z.array(
    z.object({
      name: z.string(),
      state: z.enum(["ok", "warning", "failed", "unknown", "skipped"]),
      detail: z.string().min(1),
      fix: z.string().min(1).nullable(),
    }),
  ),
});
type Checks = z.infer<typeof document>["checks"];

/** A fleet of one remote host and this machine. */
function fleetFile(directory: string, queue: string, storeUrl: string): string {
  const file = join(temporaryFolder("fleet"), "fleet.toml");
  const common = `directory = "${directory}"\nqueue = "${queue}"\nmemory_mb = 1000\njobs_max = 1\n`;
  writeFileSync(
    file,
    `[hosts.far]\nssh = "rig"\nstore_url = "${storeUrl}"\n${common}\n[hosts.here]\nssh = "local"\n${common}`,
  );
  return file;
}

async function doctor(words: readonly string[]): Promise<{ code: number; of: (name: string) => Checks[number] }> {
  const { code, stdout, stderr } = await barkeep(["doctor", "--json", ...words]);
  assert.notEqual(stdout, "", stderr);
  const { checks } = document.parse(JSON.parse(stdout));
  // Every finding that is not well says what to do.
  for (const { state, fix } of checks) assert.equal(fix === null, state === "ok" || state === "skipped");
  return { code, of: (name) => checks.find((check) => check.name === name) ?? assert.fail(`no check "${name}"`) };
}

/** A folder of programs to be put first on a host's path. */
function programs(texts: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder("programs");
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

async function startWith(texts: Readonly<Record<string, string>>): Promise<Sshd> {
  return Sshd.start({ lines: [`SetEnv SHLVL=3 PATH=${programs(texts)}:/usr/local/bin:/usr/bin:/bin`] });
}

const groups = '"groups":{"p1":{"status":"Running","parallel_tasks":2}}';
const pueueSays = (status: string): string => `case "$1" in --version) echo pueue 4.0.4;; *) echo '${status}';; esac`;
const pueue4 = pueueSays(`{"tasks":{},${groups}}`);

test("a host that is set up: reached, known, in time, with its queue, release and store", { skip }, async () => {
  await using sshd = await startWith({ pueue: pueue4 });
  await using served = await ServedStoreProcess.start(temporaryFolder("doctor-store"));
  const directory = temporaryFolder("far");
  mkdirSync(join(directory, "current", "bin"), { recursive: true });
  writeFileSync(join(directory, "current", "bin", "barkeep.mjs"), "");
  const fleet = fleetFile(directory, "pueue", served.url);
  const it = await doctor(["--host", "far", "--fleet", fleet, "--ssh-config", sshd.configFile]);
  for (const name of ["ssh", "host key", "clock", "directory", "disk", "queue", "release", "store from there"]) {
    assert.equal(it.of(name).state, "ok", `${name}: ${it.of(name).detail}`);
  }
  assert.match(it.of("ssh").detail, new RegExp(`@127\\.0\\.0\\.1:${sshd.port}`));
  assert.match(it.of("host key").detail, /ssh-ed25519 SHA256:\S+, .*known_hosts:1/);
  assert.match(it.of("queue").detail, /^pueue 4\.0\.4$/);
  // Looking leaves nothing behind.
  assert.deepEqual(readdirSync(directory), ["current"]);
});

test("a host that lacks things: each is named with what puts it right", { skip }, async () => {
  const late = 'exec /usr/bin/date -d "@$(($(/usr/bin/date +%s) - 100))" "$@"';
  await using sshd = await startWith({ date: late, pueue: "echo pueue 3.4.1" });
  const directory = join(temporaryFolder("far"), "not", "yet");
  const fleet = fleetFile(directory, "pueue", "http://127.0.0.1:1");
  const it = await doctor(["--host", "far", "--fleet", fleet, "--ssh-config", sshd.configFile]);
  assert.equal(it.code, exitCodes.findings);
  for (const name of ["clock", "queue", "release", "store from there"]) assert.equal(it.of(name).state, "failed", name);
  // Its date takes a while to answer, and cuts seconds off.
  assert.match(it.of("clock").detail, /^(9|10)\d\.\d+ s behind/);
  assert.match(it.of("queue").detail, /is 3\.4\.1; barkeep works with pueue 4/);
  assert.match(it.of("directory").detail, /will be made/);
  assert.match(it.of("store from there").detail, /nothing answers at 127\.0\.0\.1:1 as seen from far/);
  // Another program's port is not the store.
  const wrong = fleetFile(directory, "pueue", `http://127.0.0.1:${sshd.port}`);
  const other = await doctor(["--host", "far", "--fleet", wrong, "--ssh-config", sshd.configFile]);
  assert.match(other.of("store from there").detail, /no answer that ClickHouse would/);
});

const bareState = `{"tasks":{"0":{"created_at":"2026-11-24T02:03:11Z","group":"p1","label":null,"status":"Queued"}},${groups}}`;
for (const [what, pueue, problem] of [
  ["a daemon that is down", 'case "$1" in --version) echo pueue 4.0.4;; *) exit 1;; esac', /does not work/],
  ["the shape of version 3", pueueSays(bareState), /answers otherwise/],
  ["no JSON at all", "echo pueue 4.0.4", /answers otherwise/],
] as const) {
  test(`pueue with ${what} is told`, { skip }, async () => {
    await using sshd = await startWith({ pueue });
    const fleet = fleetFile("/", "pueue", "http://127.0.0.1:1");
    const it = await doctor(["--host", "far", "--fleet", fleet, "--ssh-config", sshd.configFile]);
    assert.equal(it.of("queue").state, "failed");
    assert.match(it.of("queue").detail, problem);
  });
}

test("a cluster: its commands are looked for; what it does itself is not asked of the host", { skip }, async () => {
  const fleet = fleetFile("/", "slurm", "http://127.0.0.1:1");
  for (const [sbatch, state, detail] of [
    ["echo slurm-wlm 22.05.8", "ok", /^slurm 22\.05\.8$/],
    ["exit 127", "failed", /Slurm|sbatch/],
  ] as const) {
    await using sshd = await startWith({ sbatch, squeue: "exit 0" });
    const it = await doctor(["--host", "far", "--fleet", fleet, "--ssh-config", sshd.configFile]);
    assert.equal(it.of("queue").state, state);
    assert.match(it.of("queue").detail, detail);
    for (const name of ["user manager", "lingering", "memory control"]) assert.equal(it.of(name).state, "skipped");
  }
});

test("a host that cannot be reached, or whose key is not known, is looked at no further", { skip }, async () => {
  const sshd = await Sshd.start();
  const words = ["--host", "far", "--fleet", fleetFile("/", "local", "http://h:1"), "--ssh-config", sshd.configFile];
  rmSync(sshd.knownHosts);
  const unknown = await doctor(words);
  assert.equal(unknown.code, exitCodes.findings);
  assert.equal(unknown.of("host key").state, "failed");
  assert.match(unknown.of("host key").fix ?? "", /echo '\[127\.0\.0\.1\]:\d+ ssh-ed25519 /);
  assert.equal(unknown.of("disk").state, "unknown");
  await sshd[Symbol.asyncDispose]();
  const away = await doctor(words);
  assert.equal(away.code, exitCodes.unavailable);
  assert.equal(away.of("ssh").state, "unknown");
  assert.match(away.of("ssh").detail, /cannot be reached/);
});

test("this machine as a host needs no SSH", async () => {
  const fleet = fleetFile(join(temporaryFolder("here"), "work"), "local", "http://h:1");
  const it = await doctor(["--host", "here", "--fleet", fleet]);
  assert.equal(it.of("ssh").detail, "this machine");
  for (const name of ["host key", "clock", "release", "queue"]) assert.equal(it.of(name).state, "skipped", name);
  for (const name of ["directory", "disk"]) assert.equal(it.of(name).state, "ok", it.of(name).detail);
});

test("a host that the fleet lacks, and no fleet at all", async () => {
  const fleet = fleetFile("/", "local", "http://h:1");
  const unknown = await barkeep(["doctor", "--host", "nobody", "--fleet", fleet]);
  assert.equal(unknown.code, exitCodes.usage);
  assert.match(unknown.stderr, /no host "nobody"[^]*it has far, here/);
  const none = await barkeep(["doctor", "--host", "far", "--fleet", "/nowhere.toml"]);
  assert.equal(none.code, exitCodes.usage);
  assert.match(none.stderr, /FLEET_UNREADABLE/);
});
