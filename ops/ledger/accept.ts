import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { acceptDivergence, openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { divergenceLines } from "../../lib/report/ledger.ts";
import { formatCount } from "../../lib/report/text-table.ts";

const command = defineCommand({
  name: "ledger accept",
  summary: "accept what the store has lost or changed: it stays on record, and is no longer reported",
  options: {
    reason: { type: "string", demandOption: true, describe: "why, for the journal" },
    plan: { type: "boolean", describe: "say what would be accepted; change nothing" },
  },
  examples: [["--reason restored", "the next ledger sync finds nothing of it any more"]],
  handler: (args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const found = ledger.mirror.divergences();
    if (!settings.json) divergenceLines(found).forEach((line) => print(line));
    if (args.plan) {
      if (settings.json) printJson({ units: found.length });
      return exitCodes.ok;
    }
    const rows = acceptDivergence(ledger, args.reason);
    if (settings.json) printJson({ units: found.length, rows });
    else print(`${formatCount(rows)} rows accepted`);
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
