import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { formatCount } from "../../lib/report/text-table.ts";

const command = defineCommand({
  name: "heal replay",
  summary: "let gaps be tried again whose tries are used up or that wait for their next one, as if for the first time",
  positionals: { units: { describe: "only gaps of these units, e.g. BTCUSDT@250:2024; all without", array: true } },
  examples: [
    ["BTCUSDT@250:2024", "after what was in the way is gone; barkeep heal, or the daemon's next pass, goes on"],
  ],
  handler: (args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const gaps = [...ledger.healTries.byGap()].flatMap(([gap, tries]) => {
      const last = tries.at(-1);
      const isAsked = args.units.length === 0 || args.units.some((unit) => unit === last?.unit);
      return isAsked && last?.result !== undefined && last.result !== "healed" ? [gap] : [];
    });
    const tries = ledger.healTries.replay(gaps);
    if (settings.json) printJson({ gaps, tries });
    else {
      gaps.forEach((gap) => print(gap));
      print(`${formatCount(gaps.length)} gaps may be tried again; ${formatCount(tries)} earlier tries count no more`);
    }
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
