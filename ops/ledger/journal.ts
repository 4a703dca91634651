import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { wholeNumberOf } from "../../lib/model/quantities.ts";
import { journalDocument, journalLines } from "../../lib/report/ledger.ts";

const command = defineCommand({
  name: "ledger journal",
  summary: "what was decided and done from this state directory, in order",
  options: {
    limit: {
      type: "string",
      default: "50",
      describe: "how many of the last events",
      parse: wholeNumberOf("events", 1),
    },
    subject: { type: "string", describe: "only events about this unit, symbol, plan or store" },
    kind: { type: "string", describe: "only events whose kind begins so, such as attempt or ledger.sync" },
  },
  examples: [
    ["--subject BTCUSDT@250:2024", "the attempts at one unit"],
    ["--kind ledger --limit 5 --json", "as one document: events[] {seq, at, clock_back_ms, kind, subject, details …}"],
  ],
  handler: (args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const events = ledger.journal.last(args.limit, { subject: args.subject, kind: args.kind });
    if (settings.json) printJson(journalDocument(events));
    else journalLines(events).forEach((line) => print(line));
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
