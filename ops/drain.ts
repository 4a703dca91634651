import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { setDrained } from "../lib/fleet/drain.ts";
import { demandedHosts } from "../lib/fleet/options.ts";
import { drainDocument, drainExitCode, drainLines } from "../lib/report/drain.ts";

const command = defineCommand({
  name: "drain",
  summary: "admit nothing more to a host: what runs there ends, what waits there stays",
  positionals: { hosts: { describe: "hosts of the fleet", demandOption: true, array: true } },
  options: { plan: { type: "boolean", describe: "show what runs and waits there; change nothing" } },
  examples: [["bigbox", "before its machine is restarted"]],
  handler: async (args, { settings, env, print, printJson }) => {
    const entries = demandedHosts({ host: args.hosts, allHosts: false }, settings);
    const hosts = await setDrained(entries, true, args.plan, settings, env);
    if (settings.json) printJson(drainDocument(hosts, true, args.plan));
    else for (const host of hosts) drainLines(host, true, args.plan).forEach((line) => print(line));
    return drainExitCode(hosts);
  },
});

export default command;
await runIfMain(import.meta, command);
