import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { parseRebuildId } from "../lib/datasets/range/rebuild-id.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { unitId } from "../lib/model/series.ts";
import { listSeries, openExistingStore, planUndo, storeIdOf, undoRebuild } from "../lib/store/index.ts";

const command = defineCommand({
  name: "undo",
  summary: "let readers see the build again that a rebuild took the place of",
  positionals: {
    rebuild: { describe: "the rebuild as it was printed, e.g. 'BTCUSDT@25:2024#2'", demandOption: true },
  },
  options: {
    plan: { type: "boolean", describe: "say what readers would see; change nothing" },
  },
  examples: [["'BTCUSDT@25:2024#2'", "build 1 is published again, until a person asks for another rebuild"]],
  handler: async (args, { settings, print, printJson, log }) => {
    const store = await openExistingStore(settings, log);
    try {
      const undo = await planUndo(store, parseRebuildId(args.rebuild, await listSeries(store)));
      const { from, to } = undo;
      const unit = unitId(to.series, to.segment);
      if (!args.plan) {
        using ledger = openLedger(settings.stateDirectory);
        ledger.belongTo(await storeIdOf(store));
        ledger.journal.record("pointer.moving", unit, { from: from.build, to: to.build, reason: "undo" });
        await undoRebuild(store, undo);
      }
      const line = `${unit}: build ${to.build} ${args.plan ? "would be" : "is"} published instead of ${from.build}`;
      if (settings.json) printJson({ unit, from: from.build, to: to.build, done: !args.plan });
      else print(line);
      return exitCodes.ok;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
