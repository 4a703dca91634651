import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger, readLedgerStatus, standingDivergences } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { ledgerDocument, ledgerLines } from "../../lib/report/ledger.ts";

const command = defineCommand({
  name: "ledger status",
  summary: "what the local ledger holds, when it last met the store, and where the two differed",
  examples: [
    [
      "",
      "plans, attempts, events, mirrored rows; exit 1 where the last sync found that something of a build is missed, and nobody has accepted that",
    ],
  ],
  handler: (_args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const status = readLedgerStatus(ledger);
    if (settings.json) printJson(ledgerDocument(status));
    else ledgerLines(status).forEach((line) => print(line));
    return standingDivergences(status.divergences).length === 0 ? exitCodes.ok : exitCodes.findings;
  },
});

export default command;
await runIfMain(import.meta, command);
