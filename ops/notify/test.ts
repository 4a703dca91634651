import { hostname } from "node:os";
import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { deliver } from "../../lib/notify/deliver.ts";
import { openChannels, refuseWhereOff } from "../../lib/notify/open-channels.ts";

const command = defineCommand({
  name: "notify test",
  summary:
    "send a message through every channel that BARKEEP_NOTIFY names, and what waits besides; ask the dead-man's switch",
  examples: [
    [
      "",
      "exit 2 where a channel does not take it, which waits and is sent later, or the dead-man's switch does not answer",
    ],
  ],
  handler: async (_args, { settings, env, signal, print, printJson, log }) => {
    refuseWhereOff(settings);
    using ledger = openLedger(settings.stateDirectory);
    const { channels, ping } = openChannels(settings, env, ledger, log);
    const text = `A test of barkeep on ${hostname()}\nNothing is wrong with <this> & nothing is to be done.`;
    // Where there is only a dead-man's switch nobody would ever get it.
    if (channels.length > 0) ledger.outbox.replace({ fingerprint: "test", severity: "info", text, kind: "test" });
    // Who asks wants to know now: a channel that was left alone after a failure is tried too.
    for (const { name } of channels) ledger.deliveries.tryNow(name);
    const { sent, waiting, failures } = await deliver(ledger, channels, signal);
    const unanswered = await ping?.test(text);
    if (ping !== undefined && unanswered !== undefined) ledger.deliveries.missed(ping.name, unanswered);
    const pinged = ping === undefined ? undefined : unanswered === undefined;
    if (settings.json) printJson({ sent, waiting, failures, pinged: pinged ?? null });
    else {
      if (channels.length > 0) print(`${sent} sent by ${channels.map(({ name }) => name).join(", ")}; ${waiting} wait`);
      for (const { channel, reason } of failures) print(`${channel}: ${reason}`);
      if (pinged !== undefined) print(`ping: ${unanswered ?? "the dead-man's switch has answered"}`);
    }
    return failures.length === 0 && pinged !== false ? exitCodes.ok : exitCodes.unavailable;
  },
});

export default command;
await runIfMain(import.meta, command);
