import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { setDrained } from "../lib/fleet/drain.ts";
import { demandedHosts } from "../lib/fleet/options.ts";
import { drainDocument, drainExitCode, drainLines } from "../lib/report/drain.ts";

const command = defineCommand({
  name: "undrain",
  summary: "let a drained host start jobs again",
  positionals: { hosts: { describe: "hosts of the fleet", demandOption: true, array: true } },
  options: { plan: { type: "boolean", describe: "show what runs and waits there; change nothing" } },
  examples: [["bigbox", "its groups go on, as far as there is room"]],
  handler: async (args, { settings, env, print, printJson }) => {
    const entries = demandedHosts({ host: args.hosts, allHosts: false }, settings);
    const hosts = await setDrained(entries, false, args.plan, settings, env);
    if (settings.json) printJson(drainDocument(hosts, false, args.plan));
    else for (const host of hosts) drainLines(host, false, args.plan).forEach((line) => print(line));
    return drainExitCode(hosts);
  },
});

export default command;
await runIfMain(import.meta, command);
