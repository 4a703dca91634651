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

type Share = Pick<Parameters<typeof runCampaign>[0], "only" | "each" | "allKinds">;

async function mustHold(share: Share): Promise<CampaignOutcome> {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const outcome = await runCampaign({ ...share, kills: 1, seed, lanes: 2, at: undefined, folder, say });
  hasFailed ||= outcome.violations > 0;
  assert.equal(outcome.violations, 0, lines.join("\n"));
  return outcome;
}

test("populate, killed at every kind of point, goes on to the bytes of a run that was not killed", async () => {
  const { by_workload } = await mustHold({ only: ["populate"], allKinds: true });
  const tally = by_workload["populate"];
  assert.ok(tally !== undefined && tally.kinds_known >= 20);
  assert.equal(tally.kinds, tally.kinds_known);
});

test("so does everything else that is killed", async () => {
  const only = Object.keys(workloads).filter((name) => name !== "populate");
  const { by_workload } = await mustHold({ only, each: 1 });
  for (const [name, { kills }] of Object.entries(by_workload)) assert.ok(kills > 0, name);
});
