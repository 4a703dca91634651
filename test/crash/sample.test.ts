import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCampaign, type CampaignOutcome } from "./campaign.ts";
import { fastFolder } from "./fast-folder.ts";
import { workloads } from "./workloads/index.ts";

/** A sample of `npm run test:crash`. */
const seed = 20_240_808;
const folder = mkdtempSync(join(fastFolder(), "barkeep-crash-"));
let hasFailed = false;
after(() => {
  if (!hasFailed) rmSync(folder, { recursive: true });
});

async function mustHold(only: readonly string[], kills: number, allKinds: boolean): Promise<CampaignOutcome> {
  const lines: string[] = [];
  const outcome = await runCampaign({
    kills,
    allKinds,
    seed,
    lanes: 2,
    only,
    at: undefined,
    folder,
    say: (line) => lines.push(line),
  });
  hasFailed ||= outcome.violations > 0;
  assert.equal(outcome.violations, 0, lines.join("\n"));
  assert.ok(outcome.kills >= kills, `${outcome.kills} kills`);
  return outcome;
}

test("populate, killed at every kind of point, goes on to the bytes of a run that was not killed", async () => {
  const { by_workload } = await mustHold(["populate"], 1, true);
  const tally = by_workload["populate"];
  assert.ok(tally !== undefined && tally.kinds_known >= 20);
  assert.equal(tally.kinds, tally.kinds_known);
});

test("so does everything else that is killed", async () => {
  const others = Object.keys(workloads).filter((name) => name !== "populate");
  await mustHold(others, 2 * others.length, false);
});
