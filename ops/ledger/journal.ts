import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { ConfigurationError } from "../../lib/model/errors.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { journalDocument, journalLines } from "../../lib/report/ledger.ts";

const command = defineCommand({
  name: "ledger journal",
  summary: "what was decided and done from this state directory, in order",
  options: {
    limit: { type: "string", default: "50", describe: "how many of the last events", parse: parseLimit },
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

function parseLimit(text: string): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new ConfigurationError(`"${text}" is not a number of events`, { code: "BAD_LIMIT", hint: "1 or more" });
}

export default command;
await runIfMain(import.meta, command);
