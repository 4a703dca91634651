import { defineCommand, runIfMain, type CommandContext } from "../lib/command/index.ts";
import { namedHosts } from "../lib/fleet/options.ts";
import { healForever } from "../lib/heal/daemon.ts";
import { heal, planHealing, type HealRequest } from "../lib/heal/run.ts";
import { serviceManagerOf } from "../lib/heal/service-manager.ts";
import type { HealPass } from "../lib/heal/pass.ts";
import type { ExitCode } from "../lib/model/exit-codes.ts";
import { wholeNumberOf } from "../lib/model/quantities.ts";
import { healDocument, healingPlanDocument, healingPlanLines, healLines } from "../lib/report/heal.ts";

/** A timer counts no more than 24 days of milliseconds. */
const daysMax = 24;

const command = defineCommand({
  name: "heal",
  summary:
    "close gaps: what is missing, doubled, stale or revised, built by the same planner; or do so again and again",
  options: {
    "dry-run": {
      type: "boolean",
      describe: "say what would be repaired, in order, and what is left alone; change nothing",
    },
    symbol: { type: "string", array: true, describe: "only gaps of this symbol; repeat for more" },
    "max-p2-jobs": {
      type: "string",
      default: "1",
      describe:
        "repairs of gaps older than 48 hours that one pass may begin; the live edge and recent gaps come first and are not counted",
      parse: wholeNumberOf("repairs", 0),
    },
    budget: {
      type: "string",
      describe:
        "minutes after which what is at work stops behind its next commit, to go on in the next pass (default: none)",
      parse: wholeNumberOf("minutes", 1, daysMax * 24 * 60),
    },
    host: {
      type: "string",
      array: true,
      describe: "queue missing days on this host of the fleet instead of building them here; repeat for more",
    },
    "all-hosts": { type: "boolean", describe: "queue them on all hosts of the fleet" },
    daemon: {
      type: "boolean",
      describe: "do it again and again; SIGHUP: look at once, with settings and registry read anew",
    },
    "interval-clean": {
      type: "string",
      default: "1800",
      describe: "with --daemon: seconds until the next look when nothing was left",
      parse: wholeNumberOf("seconds", 1, daysMax * 86_400),
    },
    "interval-active": {
      type: "string",
      default: "900",
      describe: "with --daemon: seconds until the next look when something is left, or could not be looked at",
      parse: wholeNumberOf("seconds", 1, daysMax * 86_400),
    },
  },
  examples: [
    ["--archive URL --dry-run", "what would be done"],
    ["--archive URL --max-p2-jobs 10", "up to ten repairs of history in one pass"],
    [
      "--archive URL --daemon",
      "as a service: systemd is told that it is ready, and that it is alive during long repairs",
    ],
  ],
  handler: async (args, context): Promise<ExitCode> => {
    const { settings, env, signal, print, printJson, log } = context;
    const request: HealRequest = {
      symbols: args.symbol,
      historicalMax: args.maxP2Jobs,
      budgetMs: args.budget === undefined ? undefined : args.budget * 60_000,
      hosts: namedHosts(args, settings),
    };
    if (args.dryRun) {
      const outlook = await planHealing(request, settings, env, signal, log);
      if (settings.json) printJson(healingPlanDocument(outlook));
      else healingPlanLines(outlook).forEach((line) => print(line));
      return outlook.exitCode;
    }
    if (!args.daemon) {
      const pass = await heal(request, settings, env, signal, { line: log, beat: () => undefined });
      tell(pass, context);
      return pass.exitCode;
    }
    const service = serviceManagerOf(process.env, log);
    const listener = { line: log, beat: () => service.beat() };
    return healForever({
      pass: async () => {
        const now = context.reload();
        const pass = await heal(request, now.settings, now.env, signal, listener);
        tell(pass, context);
        return pass;
      },
      intervals: { cleanMs: args.intervalClean * 1000, activeMs: args.intervalActive * 1000 },
      service,
      signal,
      onWake: (wake) => void process.on("SIGHUP", wake),
      line: log,
    });
  },
});

function tell(pass: HealPass, { settings, print, printJson }: CommandContext): void {
  if (settings.json) printJson(healDocument(pass));
  else healLines(pass).forEach((line) => print(line));
}

export default command;
await runIfMain(import.meta, command);
