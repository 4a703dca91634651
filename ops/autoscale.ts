import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { demandedHosts, hostOptions } from "../lib/fleet/options.ts";
import { scaleOnce, scaleUntil } from "../lib/fleet/scale/autoscale.ts";
import { ConfigurationError } from "../lib/model/errors.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { wholeNumberOf } from "../lib/model/quantities.ts";
import { autoscaleDocument, autoscaleExitCode, scaledHostLines } from "../lib/report/autoscale.ts";

const command = defineCommand({
  name: "autoscale",
  summary: "decide how many jobs each group of a host's queue runs at once, by the host's pressure and memory",
  options: {
    ...hostOptions,
    apply: { type: "boolean", describe: "do it; without this it is only said what would be done" },
    loop: {
      type: "string",
      describe: "decide and do it every so many seconds, sooner while memory is short, until SIGINT or SIGTERM",
      parse: wholeNumberOf("seconds", 1, 99_999),
    },
    explain: { type: "boolean", describe: "all that was measured, and the reason for each group" },
  },
  examples: [
    ["--host bigbox --explain", "what would be done, and why; changes nothing"],
    ["--all-hosts --apply", "one decision, carried out: for cron"],
    ["--all-hosts --loop 5", "for a service: a line for each decision"],
  ],
  handler: async (args, { settings, env, signal, print, printJson }) => {
    const entries = demandedHosts(args, settings);
    if (args.loop === undefined) {
      const hosts = await scaleOnce(entries, args.apply, settings, env);
      if (settings.json) printJson(autoscaleDocument(hosts, args.apply));
      else {
        for (const host of hosts) scaledHostLines(host, args.explain).forEach((line) => print(line));
        const isLeft = !args.apply && hosts.some(({ decision }) => decision.actions.length > 0);
        if (isLeft) print("nothing was changed: --apply does it");
      }
      return autoscaleExitCode(hosts);
    }
    if (settings.json || args.apply) {
      throw new ConfigurationError(settings.json ? "--loop has no end and --json is one document" : "--loop applies", {
        code: "USAGE",
        hint: "give one of --apply and --loop; for a program, --apply --json again and again, or barkeep ledger journal",
      });
    }
    await scaleUntil(entries, args.loop * 1000, settings, env, signal, (host) => {
      const at = new Date().toISOString();
      for (const line of scaledHostLines(host, args.explain)) print(`${at} ${line}`);
    });
    return exitCodes.ok;
  },
});

export default command;
await runIfMain(import.meta, command);
