import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { demandedHosts, hostOptions } from "../lib/fleet/options.ts";
import { retryJobs } from "../lib/fleet/retry.ts";
import { wholeNumberOf } from "../lib/model/quantities.ts";
import { retryDocument, retryExitCode, retryLines } from "../lib/report/fleet-jobs.ts";

const command = defineCommand({
  name: "retry",
  summary: "queue jobs of a host anew that did not end well; they go on from their last commit",
  positionals: {
    jobs: {
      describe: "jobs, units or symbols, * for anything (BTC*, *@250:2024); every job that failed where none is given",
      array: true,
    },
  },
  options: {
    ...hostOptions,
    resume: { type: "boolean", describe: "also let paused groups start jobs again, as after a reboot" },
    "max-fails": {
      type: "string",
      describe: "queue nothing where more jobs of these hosts than this are in quarantine",
      parse: wholeNumberOf("jobs", 0),
    },
    plan: { type: "boolean", describe: "show which jobs, and with how much memory; change nothing" },
  },
  examples: [
    ["--all-hosts --plan", "what failed everywhere, and why"],
    ["--host bigbox --resume", "after a reboot: what was lost, and the groups that its queue has paused"],
    ["'BTCUSDT@*:2024' --host bigbox", "jobs of one symbol and year"],
  ],
  handler: async (args, { settings, env, print, printJson, log }) => {
    const entries = demandedHosts(args, settings);
    const request = { entries, patterns: args.jobs, resumes: args.resume, failsMax: args.maxFails, isPlan: args.plan };
    const outcome = await retryJobs(request, settings, env, log);
    if (settings.json) printJson(retryDocument(outcome));
    else retryLines(outcome, args.plan).forEach((line) => print(line));
    return retryExitCode(outcome);
  },
});

export default command;
await runIfMain(import.meta, command);
