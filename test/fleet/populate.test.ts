import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { projectRoot } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { assertComplete, FleetRig, skipWithoutFleet } from "../rig/fleet.ts";

const jobsSchema = z.object({
  jobs: z.array(z.object({ job: z.string(), host: z.string(), label: z.string().nullable(), state: z.string() })),
  live: z.array(z.object({ unit: z.string(), host: z.string() })),
});
const queueSchema = z.object({ tasks: z.record(z.string(), z.object({ label: z.string(), status: z.unknown() })) });

const asked = ["--all-symbols", "--threshold", "100", "--threshold", "250", "--end-date", "2024-01-02"];

test(
  "populate on two hosts over SSH, to completion; asked for again meanwhile, nothing is queued twice",
  { skip: skipWithoutFleet },
  async () => {
    await using rig = await FleetRig.start(["alpha", "beta"]);
    const planned = await rig.barkeep("populate", "--all-hosts", ...asked, "--plan", "--json");
    assert.equal(planned.code, exitCodes.ok, planned.stderr);
    assert.equal(jobsSchema.parse(JSON.parse(planned.stdout)).jobs.length, 4);
    const queued = await rig.barkeep("populate", "--all-hosts", ...asked, "--json");
    assert.equal(queued.code, exitCodes.ok, queued.stderr);
    const { jobs } = jobsSchema.parse(JSON.parse(queued.stdout));
    assert.deepEqual(jobs.map(({ job, state }) => `${job} ${state}`).sort(), [
      "AAAUSDT@100+250:2023 added",
      "AAAUSDT@100+250:2024 added",
      "BBBUSDT@100+250:2023 added",
      "BBBUSDT@100+250:2024 added",
    ]);
    assert.deepEqual([...new Set(jobs.map(({ host }) => host))].sort(), ["alpha", "beta"]);
    const processes = execFileSync("ps", ["-eo", "args="], { encoding: "utf8" });
    for (const secret of rig.secrets) assert.ok(!processes.includes(secret), "no argument holds a secret");
    const again = await rig.barkeep("populate", "--all-hosts", ...asked, "--json");
    assert.equal(again.code, exitCodes.ok, again.stderr);

    const tasks = async (): Promise<z.infer<typeof queueSchema>["tasks"][string][]> => {
      const statuses = await Promise.all(rig.hosts.map(({ daemon }) => daemon.pueue("status", "--json")));
      return statuses.flatMap((text) => Object.values(queueSchema.parse(JSON.parse(text)).tasks));
    };
    await eventually("every job done", async () =>
      (await tasks()).every(({ status }) => JSON.stringify(status).startsWith('{"Done"')),
    );
    for (const { label, status } of await tasks()) assert.match(JSON.stringify(status), /"Success"/, label);
    await assertComplete(rig);
    await assertNoSecrets(rig);
    const rest = await rig.barkeep("populate", "--all-hosts", ...asked);
    assert.match(rest.stdout, /nothing to do/);
  },
);

/** Every file below a folder, the release apart. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes("/current/"));
}

/** The store's password is in the jobs' own files and nowhere else; what else the operator's environment holds is nowhere. */
async function assertNoSecrets(rig: FleetRig): Promise<void> {
  const [password = "", other = ""] = rig.secrets;
  const settings: string[] = [];
  for (const path of [...rig.hosts.map(({ daemon }) => daemon.home), join(rig.folder, "operator")].flatMap(filesIn)) {
    const bytes = readFileSync(path);
    assert.ok(!bytes.includes(other), path);
    if (!bytes.includes(password)) continue;
    assert.match(path, /settings\.json$/);
    assert.equal(statSync(path).mode & 0o777, 0o600, path);
    settings.push(path);
  }
  assert.equal(settings.length, 4, "one for each job");
  for (const { daemon } of rig.hosts) {
    const state = await daemon.pueue("status", "--json");
    for (const secret of rig.secrets) assert.ok(!state.includes(secret));
    // S-27: another release that becomes current meanwhile is none of their business.
    assert.ok(state.includes(join(projectRoot, "bin", "supervise.mjs")) && !state.includes("/current/"));
  }
}
