import { userInfo } from "node:os";
import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { withdraw, withdrawable } from "../../lib/notify/withdraw.ts";
import { withdrawalDocument, withdrawalLines } from "../../lib/report/incidents.ts";

const command = defineCommand({
  name: "notify withdraw",
  summary:
    "give up messages that wait, as one that a channel will never take; their incidents are said again when that is due",
  positionals: {
    message: { describe: "numbers of messages, as notify list prints them", demandOption: true, array: true },
  },
  options: {
    plan: { type: "boolean", describe: "say what would be given up, and who has it already; change nothing" },
  },
  examples: [["12", "no channel tries it any more; a channel that has it keeps it"]],
  handler: (args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const done = !args.plan;
    const messages = done ? withdraw(ledger, args.message, userInfo().username) : withdrawable(ledger, args.message);
    if (settings.json) printJson({ done, ...withdrawalDocument(messages) });
    else withdrawalLines(messages, done).forEach((line) => print(line));
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
