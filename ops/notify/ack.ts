import { userInfo } from "node:os";
import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { wantedIncident } from "../../lib/watch/find-incident.ts";

const command = defineCommand({
  name: "notify ack",
  summary: "say no more of an incident until it is over, for a week at most",
  positionals: { incident: { describe: "numbers of incidents", demandOption: true, array: true } },
  examples: [["7 8", "its end is said all the same"]],
  handler: (args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const wanted = args.incident.map((text) => wantedIncident(ledger, text));
    const acked = wanted.filter(({ id }) => ledger.incidents.ack(id, userInfo().username)).map(({ id }) => id);
    if (settings.json) printJson({ acked, over: wanted.map(({ id }) => id).filter((id) => !acked.includes(id)) });
    else for (const { id } of wanted) print(acked.includes(id) ? `#${id} acked` : `#${id} is over already`);
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
