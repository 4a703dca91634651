import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { FleetRig, skipWithoutFleet, type RigHostOptions } from "../rig/fleet.ts";
import { skipWithoutSlurm } from "../rig/slurm.ts";
import { jobIn } from "./documents.ts";

/** More than a first attempt is given, less than the second. */
const hungry = { symbol: "AAAUSDT", megabytes: 450 };
const hosts: Readonly<Record<string, RigHostOptions>> = {
  alpha: { hungry, folder: `it's "odd" && $(true)\nnew` },
  ...(skipWithoutSlurm === false ? { cluster: { hungry, queue: "slurm", folder: "100% slurm" } } : {}),
};
const skipOf: Readonly<Record<string, string | false>> = {
  alpha: skipWithoutFleet,
  cluster: skipWithoutFleet || skipWithoutSlurm,
};
let rig: FleetRig;

before(async () => {
  if (skipWithoutFleet === false) rig = await FleetRig.start(Object.keys(hosts), { hosts });
});

after(async () => {
  await rig?.[Symbol.asyncDispose]();
});

for (const [host, skip] of Object.entries(skipOf)) {
  test(
    `S-18, S-17: ${host}, in a directory with an odd name: a job that is killed for memory is told, and tried again with more; its neighbour is done`,
    { skip },
    async () => {
      // With a core that is new to a host the neighbour would wait for the first job's good end.
      const proof = [
        "--symbol",
        "BBBUSDT",
        "--threshold",
        host === "alpha" ? "500" : "750",
        "--end-date",
        "2023-12-30",
      ];
      assert.equal((await rig.barkeep("populate", ...proof, "--host", host)).code, exitCodes.ok);
      await jobIn(rig, host, `BBBUSDT@${proof[3]}:2023`, "done");
      // Its own thresholds, so that none of it is there already.
      const threshold = host === "alpha" ? "250" : "1000";
      const asked = ["populate", "--all-symbols", "--threshold", threshold, "--end-date", "2023-12-31"];
      const queued = await rig.barkeep(...asked, "--host", host);
      assert.equal(queued.code, exitCodes.ok, queued.stdout + queued.stderr);
      const job = `AAAUSDT@${threshold}:2023`;
      const killed = await jobIn(rig, host, job, "failed");
      assert.match(killed.text, /it was killed for memory: it held \d+ MiB of \d+ MiB allowed/);
      assert.equal(killed.fix, `barkeep retry ${job} --host ${host}`);
      assert.equal((await jobIn(rig, host, `BBBUSDT@${threshold}:2023`, "done")).attempt, 1);

      const retried = await rig.barkeep("retry", job, "--host", host);
      assert.equal(retried.code, exitCodes.ok, retried.stdout + retried.stderr);
      assert.equal((await jobIn(rig, host, job, "done")).attempt, 2);
      const logs = await rig.barkeep("logs", job, "--host", host);
      assert.match(logs.stdout, /AAAUSDT +1 +2 .*built/);
      const rest = await rig.barkeep(...asked, "--host", host);
      assert.match(rest.stdout, /nothing to do/);
    },
  );
}
