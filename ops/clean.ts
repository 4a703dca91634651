import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { cleanQueue, keptDays } from "../lib/fleet/clean.ts";
import { onHosts } from "../lib/fleet/on-hosts.ts";
import { demandedHosts, hostOptions } from "../lib/fleet/options.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { exitCodes, worstExitCode } from "../lib/model/exit-codes.ts";
import { hostFailureFields, hostFailureLines } from "../lib/report/fleet-jobs.ts";

const command = defineCommand({
  name: "clean",
  summary:
    "let a host's queue forget jobs that succeeded, and remove their old folders; what failed stays, it is evidence",
  options: {
    ...hostOptions,
    plan: { type: "boolean", describe: "show how many; change nothing" },
  },
  examples: [["--all-hosts", "queues with only what waits, runs or failed"]],
  handler: async (args, { settings, print, printJson }) => {
    const entries = demandedHosts(args, settings);
    using ledger = openLedger(settings.stateDirectory);
    const { answers, failures } = await onHosts(entries, settings.sshConfigFile, async (host) =>
      cleanQueue(host, ledger, args.plan),
    );
    if (settings.json) {
      const hosts = answers.map(({ host, answer }) => ({ host, ...answer }));
      printJson({ hosts, failures: hostFailureFields(failures) });
    } else {
      const verb = args.plan ? "would be forgotten" : "forgotten";
      for (const { host, answer } of answers) {
        const { succeeded, kept, folders } = answer;
        const old =
          folders === 0
            ? ""
            : `; ${folders} folders of jobs over ${keptDays} days old ${args.plan ? "would be " : ""}removed`;
        print(`${host}: ${succeeded} that succeeded ${verb}, ${kept} kept${old}`);
      }
      hostFailureLines(failures).forEach((line) => print(line));
    }
    return failures.length > 0 ? worstExitCode(failures.map(({ failure }) => failure)) : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
