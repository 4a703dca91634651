import { userInfo } from "node:os";
import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { hoursUpTo } from "../../lib/model/quantities.ts";
import { wantedIncident } from "../../lib/watch/find-incident.ts";

const command = defineCommand({
  name: "notify snooze",
  summary: "say no more of an incident for some hours, a week at most",
  positionals: { incident: { describe: "numbers of incidents", demandOption: true, array: true } },
  options: {
    hours: { type: "string", default: "1", describe: "for how long; at most 168, a week", parse: hoursUpTo(168) },
  },
  examples: [["7 --hours 24", "it is said again at the first look behind that, unless it is over by then"]],
  handler: (args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const wanted = args.incident.map((text) => wantedIncident(ledger, text));
    const forMs = args.hours * 3_600_000;
    const snoozed = wanted
      .filter(({ id }) => ledger.incidents.snooze(id, forMs, userInfo().username))
      .map(({ id }) => id);
    if (settings.json) printJson({ snoozed, over: wanted.map(({ id }) => id).filter((id) => !snoozed.includes(id)) });
    else {
      for (const { id } of wanted) {
        print(snoozed.includes(id) ? `#${id} silent for ${args.hours} h` : `#${id} is over already`);
      }
    }
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
