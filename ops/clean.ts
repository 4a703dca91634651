import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { cleanQueue } from "../lib/fleet/clean.ts";
import { onHosts } from "../lib/fleet/on-hosts.ts";
import { demandedHosts, hostOptions } from "../lib/fleet/options.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { exitCodes, worstExitCode } from "../lib/model/exit-codes.ts";
import { hostFailureFields, hostFailureLines } from "../lib/report/fleet-jobs.ts";

const command = defineCommand({
  name: "clean",
  summary: "let a host's queue forget jobs that succeeded; those that failed stay, they are evidence",
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
        print(`${host}: ${answer.succeeded} that succeeded ${verb}, ${answer.kept} that did not are kept`);
      }
      hostFailureLines(failures).forEach((line) => print(line));
    }
    return failures.length > 0 ? worstExitCode(failures.map(({ failure }) => failure)) : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
