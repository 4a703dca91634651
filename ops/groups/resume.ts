import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { onHosts } from "../../lib/fleet/on-hosts.ts";
import { demandedHosts, hostOptions } from "../../lib/fleet/options.ts";
import { resumeGroups } from "../../lib/fleet/setup-groups.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { exitCodes, worstExitCode } from "../../lib/model/exit-codes.ts";
import { hostFailureFields, hostFailureLines } from "../../lib/report/fleet-jobs.ts";

const command = defineCommand({
  name: "groups resume",
  summary: "let paused groups of a host's queue start jobs again",
  positionals: {
    groups: { describe: "groups; every one that is paused where none is given", array: true },
  },
  options: {
    ...hostOptions,
    plan: { type: "boolean", describe: "show which groups are paused; change nothing" },
  },
  examples: [["p2 --host bigbox", "after its queue's daemon, or the host, was started anew"]],
  handler: async (args, { settings, print, printJson }) => {
    const entries = demandedHosts(args, settings);
    using ledger = openLedger(settings.stateDirectory);
    const { answers, failures } = await onHosts(entries, settings.sshConfigFile, async (host) =>
      resumeGroups(host, args.groups, ledger, args.plan),
    );
    const resumed = answers.flatMap(({ host, answer }) => answer.map((group) => ({ host, group })));
    if (settings.json) printJson({ resumed, failures: hostFailureFields(failures) });
    else {
      const what = args.plan ? "is paused" : "starts jobs again";
      for (const { host, group } of resumed) print(`${group} of ${host} ${what}`);
      if (resumed.length === 0 && failures.length === 0) print("nothing to do: no such group is paused");
      hostFailureLines(failures).forEach((line) => print(line));
    }
    return failures.length > 0 ? worstExitCode(failures.map(({ failure }) => failure)) : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
