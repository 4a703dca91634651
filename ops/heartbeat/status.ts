import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openExistingLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { passDocument, passLines } from "../../lib/report/heartbeat.ts";
import { HeartbeatSchedule, schedulerOf, schedulers } from "../../lib/services/heartbeat.ts";
import { missedFindings } from "../../lib/watch/heartbeat/missed.ts";

const command = defineCommand({
  name: "heartbeat status",
  summary: "the schedule of this machine's heartbeat, its last pass, and whether one was missed since",
  options: {
    scheduler: {
      type: "string",
      choices: schedulers,
      describe: "which; launchd on a Mac and systemd elsewhere (default)",
    },
  },
  examples: [["", "exit 1 where it is not installed, or passes were missed"]],
  handler: async (args, { settings, env, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    await using schedule = new HeartbeatSchedule(settings, env);
    const { isInstalled, text } = await schedule.status(schedulerOf(args.scheduler));
    const last = ledger.heartbeats.last();
    const missed = missedFindings(last, ledger.clock, ledger.heartbeats.everyMs());
    if (settings.json) printJson({ installed: isInstalled, schedule: text, ...passDocument(last, missed) });
    else [text, ...passLines(last, missed)].forEach((line) => print(line));
    return isInstalled && missed.length === 0 ? exitCodes.ok : exitCodes.findings;
  },
});

export default command;
await runIfMain(import.meta, command);
