import { hostname } from "node:os";
import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { deliver } from "../../lib/notify/deliver.ts";
import { openChannels, refuseWhereOff } from "../../lib/notify/open-channels.ts";

const command = defineCommand({
  name: "notify test",
  summary: "send a message through every channel that BARKEEP_NOTIFY names, and what waits besides",
  examples: [["", "exit 2 where a channel does not take it; it waits there and is sent later"]],
  handler: async (_args, { settings, env, signal, print, printJson, log }) => {
    refuseWhereOff(settings);
    using ledger = openLedger(settings.stateDirectory);
    const { channels } = openChannels(settings, env, ledger, log);
    ledger.outbox.replace({
      fingerprint: "test",
      severity: "info",
      text: `A test of barkeep on ${hostname()}\nNothing is wrong with <this> & nothing is to be done.`,
      kind: "test",
    });
    // Who asks wants to know now: a channel that was left alone after a failure is tried too.
    for (const { name } of channels) ledger.deliveries.tryNow(name);
    const { sent, waiting, failures } = await deliver(ledger, channels, signal);
    if (settings.json) printJson({ sent, waiting, failures });
    else {
      print(`${sent} sent by ${channels.map(({ name }) => name).join(", ")}; ${waiting} wait`);
      for (const { channel, reason } of failures) print(`${channel}: ${reason}`);
    }
    return failures.length === 0 ? exitCodes.ok : exitCodes.unavailable;
  },
});

export default command;
await runIfMain(import.meta, command);
