import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { onHosts } from "../../lib/fleet/on-hosts.ts";
import { demandedHosts, hostOptions } from "../../lib/fleet/options.ts";
import { setUpGroups } from "../../lib/fleet/setup-groups.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { exitCodes, worstExitCode } from "../../lib/model/exit-codes.ts";
import { hostFailureFields, hostFailureLines } from "../../lib/report/fleet-jobs.ts";

const command = defineCommand({
  name: "groups setup",
  summary: "make the groups of a host's queue and set how many jobs each runs at a time, within jobs_max",
  options: {
    ...hostOptions,
    plan: { type: "boolean", describe: "show what would be set; change nothing" },
  },
  examples: [["--all-hosts", "p1 for 1000 dbps, p2 for 250, p3 for 500 and 750, px for others"]],
  handler: async (args, { settings, print, printJson }) => {
    const entries = demandedHosts(args, settings);
    using ledger = openLedger(settings.stateDirectory);
    const { answers, failures } = await onHosts(entries, settings.sshConfigFile, async (host) =>
      setUpGroups(host, ledger, args.plan),
    );
    if (settings.json) {
      const groups = answers.flatMap(({ host, answer }) =>
        answer.map(({ name, parallel, before, held }) => {
          return { host, group: name, before: before ?? null, parallel, held: held ?? null };
        }),
      );
      printJson({ groups, failures: hostFailureFields(failures) });
    } else {
      for (const { host, answer } of answers) {
        for (const { name, parallel, before, held } of answer) {
          const was = before === parallel ? "as it was" : before === undefined ? "new" : `was ${before}`;
          const none = held === undefined ? "" : `; held: ${held}`;
          print(`${name} of ${host}: ${parallel} at a time (${was})${none}`);
        }
      }
      hostFailureLines(failures).forEach((line) => print(line));
    }
    return failures.length > 0 ? worstExitCode(failures.map(({ failure }) => failure)) : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
