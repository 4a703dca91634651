import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { openExistingLedger, syncLedger } from "../lib/ledger/index.ts";
import { parsePercent } from "../lib/model/quantities.ts";
import { checkpointEntry, checkpointLines } from "../lib/report/checkpoints.ts";
import { findingEntry, findingLine, findingsExitCode } from "../lib/report/findings.ts";
import { openExistingStore } from "../lib/store/index.ts";
import { checkpointFindings, lookAtCheckpoints } from "../lib/watch/checkpoint-look.ts";
import { divergenceFindings } from "../lib/watch/divergence-finding.ts";

const command = defineCommand({
  name: "verify-checkpoints",
  summary:
    "what every unit's last commit claims, held against the store: bars, checkpoint, and what the ledger has seen",
  options: {
    "checkpoint-dir": {
      type: "string",
      describe: "also hold the store against what this state directory's ledger has seen of it",
    },
    "per-day": { type: "boolean", describe: "list the covered days in which no bar ended" },
    "min-discrepancy-pct": {
      type: "string",
      default: "0",
      describe: "let pass where less than so many percent of a unit's bars are gone",
      parse: parsePercent,
    },
    verbose: { type: "boolean", alias: "v", describe: "every unit, and not only those with findings" },
    quiet: { type: "boolean", describe: "nothing but the exit code" },
  },
  examples: [
    ["", "exit 1 where a checkpoint cannot be gone on from, or the store has lost bars"],
    ["--checkpoint-dir .barkeep --per-day -v", "against the ledger too; with days without bars"],
  ],
  handler: async (args, { settings, signal, print, printJson }) => {
    const { checkpointDir, perDay, minDiscrepancyPct, verbose, quiet } = args;
    const store = await openExistingStore(settings);
    try {
      const claims = await lookAtCheckpoints(store, perDay);
      const findings = [...checkpointFindings(claims, minDiscrepancyPct)];
      if (checkpointDir !== undefined) {
        using ledger = openExistingLedger(checkpointDir, "--checkpoint-dir");
        findings.push(...divergenceFindings((await syncLedger(ledger, store, signal)).divergences));
      }
      if (settings.json && !quiet) {
        printJson({ units: claims.map(checkpointEntry), findings: findings.map(findingEntry) });
      } else if (!quiet) {
        checkpointLines(claims, verbose, perDay).forEach((line) => print(line));
        findings.forEach((finding) => print(findingLine(finding)));
        const sound = claims.length === 0 ? "the store holds nothing to look at" : "as committed";
        print(`${claims.length} units: ${findings.length === 0 ? sound : `${findings.length} findings`}`);
      }
      return findingsExitCode(findings);
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
