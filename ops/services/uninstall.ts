import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { demandedHosts, hostOptions } from "../../lib/fleet/options.ts";
import { onHosts } from "../../lib/fleet/on-hosts.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { exitCodes, worstExitCode } from "../../lib/model/exit-codes.ts";
import { serviceNames } from "../../lib/model/services.ts";
import { hostFailureFields, hostFailureLines } from "../../lib/report/fleet-jobs.ts";
import { uninstallServices } from "../../lib/services/uninstall.ts";

const command = defineCommand({
  name: "services uninstall",
  summary: "stop services on a host and remove their units; its settings stay",
  positionals: {
    services: { describe: "which; all where none is given", array: true, choices: serviceNames },
  },
  options: {
    ...hostOptions,
    plan: { type: "boolean", describe: "show which would be removed; change nothing" },
  },
  examples: [["autoscale --host bigbox", "the other services stay"]],
  handler: async (args, { settings, print, printJson }) => {
    using ledger = openLedger(settings.stateDirectory);
    const names = args.services.length > 0 ? args.services : serviceNames;
    const { answers, failures } = await onHosts(
      demandedHosts(args, settings),
      settings.sshConfigFile,
      async ({ host, entry }) => uninstallServices(host, entry, names, ledger, args.plan),
    );
    if (settings.json) {
      const removed = answers.flatMap(({ host, answer }) => answer.map((service) => ({ host, service })));
      printJson({ removed, done: !args.plan, failures: hostFailureFields(failures) });
    } else {
      for (const { host, answer } of answers) {
        const what = answer.length === 0 ? "none of them is installed" : answer.join(", ");
        print(`${host}: ${answer.length === 0 ? what : `${args.plan ? "would be removed" : "removed"}: ${what}`}`);
      }
      hostFailureLines(failures).forEach((line) => print(line));
    }
    return failures.length > 0 ? worstExitCode(failures.map(({ failure }) => failure)) : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
