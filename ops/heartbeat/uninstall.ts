import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { HeartbeatSchedule, schedulerOf, schedulers } from "../../lib/services/heartbeat.ts";

const command = defineCommand({
  name: "heartbeat uninstall",
  summary: "end the schedule of this machine's heartbeat; a line of a crontab is for you to take out",
  options: {
    scheduler: {
      type: "string",
      choices: schedulers,
      describe: "which; launchd on a Mac and systemd elsewhere (default)",
    },
    plan: { type: "boolean", describe: "show what is installed and would go; change nothing" },
  },
  examples: [
    ["", "incidents and messages that wait stay in the ledger"],
    ["--scheduler cron", "exit 1 while the line is in your crontab, 2 where that could not be read"],
  ],
  handler: async (args, { settings, env, print, printJson }) => {
    const scheduler = schedulerOf(args.scheduler);
    await using schedule = new HeartbeatSchedule(settings, env);
    if (args.plan) {
      const { isInstalled, text } = await schedule.status(scheduler);
      if (settings.json) printJson({ scheduler, removed: false, installed: isInstalled ?? null, text });
      else print(text);
      return exitCodes.ok;
    }
    using ledger = openLedger(settings.stateDirectory);
    const removed = await schedule.uninstall(scheduler, ledger);
    ledger.heartbeats.endSchedule();
    // What is not ours to remove may still be there.
    const left = removed ? undefined : await schedule.status(scheduler);
    const isInstalled = left === undefined ? false : left.isInstalled;
    const nothing = removed ? `${scheduler}: removed` : `${scheduler}: there was nothing to remove`;
    const text = isInstalled === false ? nothing : `take its line out of your crontab, with crontab -e; ${left?.text}`;
    if (settings.json) printJson({ scheduler, removed, installed: isInstalled ?? null });
    else print(text);
    if (isInstalled === undefined) return exitCodes.unavailable;
    return isInstalled ? exitCodes.findings : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
