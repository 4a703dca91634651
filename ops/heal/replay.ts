import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { gapsToReplay } from "../../lib/heal/replay.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { formatCount } from "../../lib/report/text-table.ts";

const command = defineCommand({
  name: "heal replay",
  summary: "let gaps be tried again whose tries are used up or that wait for their next one, as if for the first time",
  positionals: {
    units: {
      describe: "only gaps of these units (BTCUSDT@250:2024) or series (BTCUSDT@250); all without",
      array: true,
    },
  },
  examples: [
    ["BTCUSDT@250:2024", "after what was in the way is gone; barkeep heal, or the daemon's next pass, goes on"],
  ],
  handler: (args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    // What a process that is gone began is over; else it could not be tried again.
    ledger.healTries.endAbandoned();
    const gaps = gapsToReplay(args.units, ledger.healTries.byGap());
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
