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
  examples: [["", "exit 1 where it is not installed, or passes were missed; 2 where nobody could look"]],
  handler: async (args, { settings, env, print, printJson }) => {
    using ledger = openExistingLedger(settings.stateDirectory);
    await using schedule = new HeartbeatSchedule(settings, env);
    const { isInstalled, text } = await schedule.status(schedulerOf(args.scheduler));
    const last = ledger.heartbeats.last();
    const missed = missedFindings(last, ledger.clock, ledger.heartbeats.everyMs());
    if (settings.json) printJson({ installed: isInstalled ?? null, schedule: text, ...passDocument(last, missed) });
    else [text, ...passLines(last, missed)].forEach((line) => print(line));
    if (isInstalled === false || missed.length > 0) return exitCodes.findings;
    return isInstalled === undefined ? exitCodes.unavailable : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
