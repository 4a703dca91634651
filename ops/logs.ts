import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { jobLogs } from "../lib/fleet/job-logs.ts";
import { demandedHosts, hostOptions } from "../lib/fleet/options.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { wholeNumberOf } from "../lib/model/quantities.ts";

const command = defineCommand({
  name: "logs",
  summary: "the last lines of a queued job's output",
  positionals: {
    job: { describe: "a job, a unit or a symbol; of several the one that was queued last", demandOption: true },
  },
  options: {
    ...hostOptions,
    lines: { type: "string", default: "50", describe: "how many lines", parse: wholeNumberOf("lines", 1) },
    follow: { type: "boolean", describe: "then what comes, until the job ends or Ctrl-C" },
  },
  examples: [["BTCUSDT@250:2024 --host bigbox --follow", "what its worker says, as it says it"]],
  handler: async (args, { settings, signal, print, printJson }) => {
    // Without a host, every host of the fleet is asked for the job.
    const entries = demandedHosts({ host: args.host, allHosts: args.allHosts || args.host.length === 0 }, settings);
    const isFollowed = args.follow && !settings.json;
    const all: string[] = [];
    for await (const text of jobLogs(entries, settings.sshConfigFile, args.job, args.lines, isFollowed, signal)) {
      if (settings.json) all.push(text);
      else print(text);
    }
    if (settings.json) printJson({ job: args.job, lines: all.join("\n").split("\n") });
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
