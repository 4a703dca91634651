import { loadRegistry } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { planRebuilds } from "../lib/datasets/range/rebuild-plan.ts";
import { rebuildPlanned } from "../lib/datasets/range/rebuild-run.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { parseDay } from "../lib/model/day.ts";
import { exitCodes, type ExitCode } from "../lib/model/exit-codes.ts";
import { rebuildDocument, rebuildLines, rebuildPlanDocument, rebuildPlanLines } from "../lib/report/rebuild.ts";
import { openExistingStore, storeIdOf } from "../lib/store/index.ts";

const command = defineCommand({
  name: "rebuild",
  summary: "make units anew beside what readers see, judge them, and publish each in one step that undo takes back",
  positionals: {
    targets: {
      describe: "units (BTCUSDT@25:2024), series (BTCUSDT@25) or all",
      array: true,
      demandOption: true,
    },
  },
  options: {
    reason: {
      type: "string",
      describe:
        "why; makes every unit that is named. Without it: those that another bar version, a revised archive or lost bars give a reason",
    },
    "start-date": {
      type: "string",
      describe: "first day, YYYY-MM-DD, in front of where the units begin now",
      parse: parseDay,
    },
    plan: { type: "boolean", describe: "say which units would be made anew and why; change nothing" },
  },
  examples: [
    ["all --archive DIR", "whatever would not come out the same today"],
    ["BTCUSDT@25:2024 --reason 'checking' --archive DIR", "one unit, whether it has a reason or not"],
  ],
  handler: async (args, { settings, signal, print, printJson, log }): Promise<ExitCode> => {
    const registry = loadRegistry(settings.symbolsFile);
    const store = await openExistingStore(settings, log);
    try {
      const request = { targets: args.targets, reason: args.reason, startAsked: args.startDate };
      const plan = await planRebuilds(store, request, settings, registry, signal);
      if (args.plan) {
        if (settings.json) printJson(rebuildPlanDocument(plan));
        else rebuildPlanLines(plan).forEach((line) => print(line));
        return exitCodes.ok;
      }
      using ledger = openLedger(settings.stateDirectory);
      ledger.belongTo(await storeIdOf(store));
      const outcome = await rebuildPlanned({ store, ledger }, plan, registry, new Date(), signal, log);
      if (settings.json) printJson(rebuildDocument(plan, outcome));
      else rebuildLines(plan, outcome).forEach((line) => print(line));
      return outcome.exitCode;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
