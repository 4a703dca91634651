import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { obstacleFields, obstacleLine } from "../../lib/report/services.ts";
import { HeartbeatSchedule, schedulerOf, schedulers } from "../../lib/services/heartbeat.ts";

const command = defineCommand({
  name: "heartbeat install",
  summary:
    "have this machine run the heartbeat every 15 minutes: by launchd on a Mac, by systemd on Linux, or a line for cron",
  options: {
    scheduler: {
      type: "string",
      choices: schedulers,
      describe: "which; launchd on a Mac and systemd elsewhere (default)",
    },
    replace: {
      type: "boolean",
      describe: "unload the older heartbeat's launch agent, and keep its file under another name",
    },
    plan: { type: "boolean", describe: "show what would be written, and why it would be refused; change nothing" },
  },
  examples: [
    ["", "what holds now (settings, state directory) is kept for it in a file of its own"],
    ["--scheduler cron", "prints the line for your crontab"],
    ["--plan", "the property list or the units as they would be"],
  ],
  handler: async (args, { settings, env, print, printJson, log }) => {
    const scheduler = schedulerOf(args.scheduler);
    await using schedule = new HeartbeatSchedule(settings, env);
    const { text, obstacles } = await schedule.plan(scheduler, args.replace);
    if (args.plan) obstacles.forEach((obstacle) => log(obstacleLine(obstacle)));
    else {
      const [obstacle] = obstacles;
      if (obstacle !== undefined) throw obstacle;
      using ledger = openLedger(settings.stateDirectory);
      await schedule.install(scheduler, args.replace, ledger);
    }
    const done = !args.plan && scheduler !== "cron";
    if (settings.json) {
      printJson({ scheduler, done, text, obstacles: obstacles.map((one) => obstacleFields(one, "subject")) });
    } else if (args.plan || scheduler === "cron") print(text);
    else print((await schedule.status(scheduler)).text);
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
