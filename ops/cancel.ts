import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { cancelJobs } from "../lib/fleet/cancel.ts";
import { demandedHosts, hostOptions } from "../lib/fleet/options.ts";
import { cancelDocument, cancelExitCode, cancelLines } from "../lib/report/fleet-jobs.ts";

const command = defineCommand({
  name: "cancel",
  summary: "take jobs out of a host's queue, and end those that run after their current commit",
  positionals: {
    jobs: {
      describe: "jobs, units or symbols, * for anything (BTC*, *@250:2024, '*' for every one)",
      demandOption: true,
      array: true,
    },
  },
  options: {
    ...hostOptions,
    kill: { type: "boolean", describe: "end those that run at once; what they have read and not committed is lost" },
    plan: { type: "boolean", describe: "show which jobs; change nothing" },
  },
  examples: [["'*@250:*' --host bigbox --plan", "which jobs with 250 dbps wait or run there"]],
  handler: async (args, { settings, print, printJson }) => {
    const how = args.kill ? "kill" : "stop";
    const request = { entries: demandedHosts(args, settings), patterns: args.jobs, how, isPlan: args.plan } as const;
    const outcome = await cancelJobs(request, settings);
    if (settings.json) printJson(cancelDocument(outcome, args.plan));
    else cancelLines(outcome, args.plan).forEach((line) => print(line));
    return cancelExitCode(outcome);
  },
});

export default command;
await runIfMain(import.meta, command);
