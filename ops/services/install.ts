import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { demandedHosts, hostOptions } from "../../lib/fleet/options.ts";
import { onHosts } from "../../lib/fleet/on-hosts.ts";
import { openLedger } from "../../lib/ledger/index.ts";
import { exitCodes, worstExitCode } from "../../lib/model/exit-codes.ts";
import { serviceNames } from "../../lib/model/services.ts";
import { hostFailureFields, hostFailureLines } from "../../lib/report/fleet-jobs.ts";
import { obstacleFields, plannedUnitFields, plannedUnitLines } from "../../lib/report/services.ts";
import { servicePlace } from "../../lib/services/host-settings.ts";
import { installServices, showServices } from "../../lib/services/install.ts";

const command = defineCommand({
  name: "services install",
  summary: "put services into a host's systemd as user units, checked by it beforehand, and start them",
  positionals: {
    services: {
      describe: "which; those that fleet.toml names for the host where none is given",
      array: true,
      choices: serviceNames,
    },
  },
  options: {
    ...hostOptions,
    plan: {
      type: "boolean",
      describe: "show which units would change, and why a host would refuse them; change nothing",
    },
  },
  examples: [
    ["pueued autoscale --host bigbox", "its queue's daemon, and the autoscaler there: both outlive a logout"],
    ["check --host here", "every series proven against its bars, daily at 06:00 UTC"],
  ],
  handler: async (args, { settings, env, print, printJson }) => {
    using ledger = openLedger(settings.stateDirectory);
    const { answers, failures } = await onHosts(
      demandedHosts(args, settings),
      settings.sshConfigFile,
      async ({ host, entry }) => {
        const names = args.services.length > 0 ? args.services : entry.services;
        const place = servicePlace(entry, settings, env);
        return args.plan ? showServices(host, entry, place, names) : installServices(host, entry, place, names, ledger);
      },
    );
    if (settings.json) {
      const units = answers.flatMap(({ host, answer }) => plannedUnitFields(host, answer));
      const obstacles = answers.flatMap(({ answer }) => answer.obstacles.map((one) => obstacleFields(one, "host")));
      printJson({ units, done: !args.plan, obstacles, failures: hostFailureFields(failures) });
    } else {
      for (const { host, answer } of answers) plannedUnitLines(host, answer, args.plan).forEach((line) => print(line));
      hostFailureLines(failures).forEach((line) => print(line));
    }
    return failures.length > 0 ? worstExitCode(failures.map(({ failure }) => failure)) : exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
