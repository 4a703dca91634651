/**
 * `npm run test:crash`: kills the real program over and over, resumes it and checks what it made; one JSON line on stdout, progress
 * on stderr, exit 1 where something was violated.
 *
 *   --kills N      how many kills (default 100)
 *   --seed S       the same seed chooses the same kills (default 1)
 *   --lanes L      cycles at a time (default 2)
 *   --only NAME    only this workload; repeat for more
 *   --at KILLS     one cycle with these kills: 37, "before insert barkeep.bars" (the first), 37+800 (µs into what
 *                  point 37 stands in front of), 423ms; in a row: 37,12
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runCampaign } from "./campaign.ts";
import { fastFolder } from "./fast-folder.ts";
import { parseKills } from "./kill.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    lanes: { type: "string", default: "2" },
    only: { type: "string", multiple: true, default: [] },
    at: { type: "string" },
  },
});

const folder = mkdtempSync(join(fastFolder(), "barkeep-crash-"));
// A run that is given up leaves neither processes, which end first, nor folders.
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => {
    process.on("exit", () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
    process.exit(130);
  });
}
const outcome = await runCampaign({
  kills: Number(values.kills),
  seed: Number(values.seed),
  lanes: Number(values.lanes),
  only: values.only,
  at: values.at === undefined ? undefined : parseKills(values.at),
  folder,
  say: (line) => process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify(outcome)}\n`);
if (outcome.violations === 0) rmSync(folder, { recursive: true });
process.exitCode = outcome.violations === 0 ? 0 : 1;
