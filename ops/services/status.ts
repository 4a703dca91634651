import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { demandedHosts, hostOptions } from "../../lib/fleet/options.ts";
import { onHosts } from "../../lib/fleet/on-hosts.ts";
import { exitCodes, worstExitCode } from "../../lib/model/exit-codes.ts";
import { serviceNames } from "../../lib/model/services.ts";
import { hostFailureFields, hostFailureLines } from "../../lib/report/fleet-jobs.ts";
import { serviceFields, serviceLines } from "../../lib/report/services.ts";
import { serviceStatus } from "../../lib/services/status.ts";

const command = defineCommand({
  name: "services status",
  summary: "the services of a host: which are installed, whether they run, what failed",
  positionals: {
    services: { describe: "which; all where none is given", array: true, choices: serviceNames },
  },
  options: hostOptions,
  examples: [["--all-hosts", "exit 1 where one has failed, or one that fleet.toml names is not there"]],
  handler: async (args, { settings, print, printJson }) => {
    const names = args.services.length > 0 ? args.services : serviceNames;
    const { answers, failures } = await onHosts(
      demandedHosts(args, settings),
      settings.sshConfigFile,
      async ({ host, entry }) => serviceStatus(host, entry, names),
    );
    if (settings.json) {
      const services = answers.flatMap(({ host, answer }) => serviceFields(host, answer));
      printJson({ services, failures: hostFailureFields(failures) });
    } else {
      serviceLines(answers.map(({ host, answer }) => ({ host, services: answer }))).forEach((line) => print(line));
      hostFailureLines(failures).forEach((line) => print(line));
    }
    if (failures.length > 0) return worstExitCode(failures.map(({ failure }) => failure));
    const isWell = answers.every(({ answer }) => answer.every(({ trouble }) => trouble === undefined));
    return isWell ? exitCodes.ok : exitCodes.findings;
  },
});

export default command;
await runIfMain(import.meta, command);
