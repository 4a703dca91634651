import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { planRebuild, rebuildLedger, standingDivergences } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { keptDocument, keptLines, rebuildDocument, rebuildLines } from "../../lib/report/ledger.ts";
import { openStore, storeExists, storeSettings } from "../../lib/store/index.ts";

const command = defineCommand({
  name: "ledger rebuild",
  summary: "make a lost or damaged ledger anew: keep what can be read of it, derive the mirror from the store again",
  options: {
    plan: { type: "boolean", describe: "say what would be kept; change nothing" },
  },
  examples: [["", "the file that was there is moved aside, never deleted"]],
  handler: async (args, { settings, signal, print, printJson }) => {
    if (args.plan) {
      const kept = planRebuild(settings.stateDirectory);
      if (settings.json) printJson(keptDocument(kept));
      else keptLines(kept).forEach((line) => print(line));
      return exitCodes.ok;
    }
    const address = storeSettings(settings);
    // Deriving from a store must not make one.
    const store = storeExists(address) ? await openStore(address) : undefined;
    try {
      const result = await rebuildLedger(settings.stateDirectory, store, signal);
      if (settings.json) printJson(rebuildDocument(result));
      else rebuildLines(result).forEach((line) => print(line));
      return standingDivergences(result.sync?.divergences ?? []).length === 0 ? exitCodes.ok : exitCodes.findings;
    } finally {
      await store?.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
