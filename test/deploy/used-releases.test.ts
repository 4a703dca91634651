import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { FleetHost, QueueKind } from "../../lib/config/index.ts";
import { usedReleases } from "../../lib/deploy/used-releases.ts";
import { LocalHost } from "../../lib/hosts/local-host.ts";
import { LocalFiles, newNumber, type LocalTask } from "../../lib/queue/local/files.ts";
import { temporaryFolder } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { PueueDaemon, skipWithoutPueue } from "../rig/pueue.ts";
import { SlurmCluster, skipWithoutSlurm } from "../rig/slurm.ts";

const directory = temporaryFolder("used");
// Of digests that no other test's process can name.
const waiting = "aaaaaaaaaaaaaaa1";
const ended = "aaaaaaaaaaaaaaa2";
const programOf = (name: string): string => `${directory}/releases/${name}/bin/supervise.mjs`;

async function used(queue: QueueKind): Promise<ReadonlySet<string> | undefined> {
  const entry: FleetHost = {
    name: "rig",
    sshAlias: undefined,
    directory,
    queue,
    memoryMb: 1000,
    jobsMax: 1,
    storeUrl: undefined,
    thresholds: undefined,
    services: [],
  };
  return usedReleases(new LocalHost("rig"), entry);
}

test("a release that a job of the built-in queue waits to run from is used; one whose job has ended is not", async () => {
  const files = new LocalFiles(join(directory, "queue"));
  files.prepare();
  const at = new Date(0).toISOString();
  const task = (name: string, state: LocalTask["state"]): LocalTask => ({
    version: 1,
    label: name,
    group: "p1",
    argv: ["node", programOf(name)],
    directory,
    createdAt: at,
    state,
  });
  files.write(newNumber(0, 0), task(waiting, { kind: "queued" }));
  const done = { kind: "done", outcome: { kind: "success" }, startedAt: at, endedAt: at } as const;
  files.write(newNumber(0, 1), task(ended, done));
  const names = await used("local");
  assert.deepEqual([names?.has(waiting), names?.has(ended)], [true, false]);
});

test("the same of pueue; where its daemon does not answer nobody can tell", { skip: skipWithoutPueue }, async () => {
  const home = temporaryFolder("used-pueue");
  await using daemon = await PueueDaemon.start(home);
  // What a command on this machine inherits.
  const { PATH: path, PUEUE_CONFIG_PATH: config } = daemon.runner.env;
  Object.assign(process.env, { PATH: path, PUEUE_CONFIG_PATH: config });
  await daemon.pueue("add", "--stashed", "--", "node", programOf(waiting));
  await daemon.pueue("add", "--", "true", programOf(ended));
  const names = await eventually("one of them has ended", async () => {
    const found = await used("pueue");
    return found?.has(ended) === false ? found : undefined;
  });
  assert.ok(names.has(waiting));
  await daemon.kill();
  assert.equal(await used("pueue"), undefined);
});

test(
  "Slurm shows nobody a job's script: with any job of the account's, nobody can tell",
  { skip: skipWithoutSlurm },
  async () => {
    const home = temporaryFolder("used-slurm");
    await using cluster = await SlurmCluster.start(home);
    process.env["SLURM_CONF"] = cluster.runner.env["SLURM_CONF"];
    assert.equal((await used("slurm"))?.has(waiting), false);
    const id = await cluster.run("sbatch", "--parsable", "--hold", "--wrap", `node ${programOf(waiting)}`);
    assert.equal(await used("slurm"), undefined);
    await cluster.run("scancel", id);
    await eventually("it is gone", async () => (await used("slurm")) !== undefined);
  },
);
