import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { outboxDocument, outboxLines } from "../../lib/report/incidents.ts";

/** A week: what was withdrawn before is in the journal. */
const withdrawnWithinMs = 7 * 24 * 3_600_000;

const command = defineCommand({
  name: "notify list",
  summary: "messages that wait to be sent or were withdrawn within a week, and how each channel does",
  examples: [["", "exit 1 where a channel fails"]],
  handler: (_args, { settings, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    const { deliveries, outbox, clock } = ledger;
    const names = new Set([...settings.notify.filter((name) => name !== "ping"), ...deliveries.channels()]);
    const channels = [...names].map((name) => ({ name, state: deliveries.channel(name) }));
    const withdrawn = outbox.withdrawnSince(clock.wallMs() - withdrawnWithinMs);
    const view = { waiting: outbox.waiting(), refusals: deliveries.refusals(), withdrawn, channels };
    if (settings.json) printJson({ switched_on: settings.notify, ...outboxDocument(view) });
    else {
      outboxLines(view, clock.wallMs()).forEach((line) => print(line));
      if (settings.notify.length === 0) print("sending is switched off on this machine: BARKEEP_NOTIFY");
    }
    return channels.some(({ state }) => state.failingSinceMs !== undefined) ? exitCodes.findings : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
