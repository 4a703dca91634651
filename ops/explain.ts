import { loadRegistry } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { explainUnits, parseUnit } from "../lib/fleet/explain-unit.ts";
import { hostOptions, namedHosts } from "../lib/fleet/options.ts";
import { exitCodes, worstExitCode } from "../lib/model/exit-codes.ts";
import { hostFailureFields, hostFailureLines } from "../lib/report/fleet-jobs.ts";

const command = defineCommand({
  name: "explain",
  summary: "why a unit is not complete: what is missing, who works on it, what happens next, what you can do",
  positionals: {
    unit: { describe: "BTCUSDT@250:2024, or a job: BTCUSDT@250+500:2024", demandOption: true, parse: parseUnit },
  },
  options: hostOptions,
  examples: [["BTCUSDT@250:2024", "asked of the store and of every host of the fleet, where there is one"]],
  handler: async (args, { settings, print, printJson }) => {
    const allHosts = args.allHosts || (args.host.length === 0 && settings.fleetFile !== undefined);
    const entries = namedHosts({ host: args.host, allHosts }, settings);
    const registry = loadRegistry(settings.symbolsFile);
    const { units, failures } = await explainUnits(args.unit, entries, settings, registry, new Date());
    if (settings.json) {
      printJson({
        units: units.map(({ unit, isComplete, sentences, fix }) => ({
          unit,
          complete: isComplete,
          text: sentences,
          fix: fix ?? null,
        })),
        failures: hostFailureFields(failures),
      });
    } else {
      for (const { sentences, fix } of units) {
        print(sentences.join(" "));
        if (fix !== undefined) print(`  what to do: ${fix}`);
      }
      hostFailureLines(failures).forEach((line) => print(line));
    }
    if (units.every(({ isComplete }) => isComplete)) return exitCodes.ok;
    return failures.length > 0 ? worstExitCode(failures.map(({ failure }) => failure)) : exitCodes.findings;
  },
});

export default command;
await runIfMain(import.meta, command);
