import { loadRegistry, type Registry } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { populate, type PopulateOutcome } from "../lib/datasets/range/run.ts";
import { planPopulate } from "../lib/datasets/range/plan.ts";
import { namedHosts } from "../lib/fleet/options.ts";
import { populateOnHosts } from "../lib/fleet/populate.ts";
import { parseDay } from "../lib/model/day.ts";
import { ConfigurationError } from "../lib/model/errors.ts";
import { exitCodes, worstExitCode, type ExitCode } from "../lib/model/exit-codes.ts";
import { segmentations } from "../lib/model/segments.ts";
import { parseThreshold } from "../lib/model/series.ts";
import { fleetPopulateDocument, fleetPopulateExitCode, fleetPopulateLines } from "../lib/report/fleet-populate.ts";
import { populateDocument, populateLines, storedPlanDocument, storedPlanLines } from "../lib/report/populate.ts";
import { Progress } from "../lib/report/progress.ts";

/** This run's own command, as a shell takes it. */
async function commandLine(): Promise<string> {
  // Loaded where it is wanted: it takes longer than all else in this file.
  const { quote } = await import("zx");
  return ["barkeep", "populate", ...process.argv.slice(2)].map((word) => quote(word)).join(" ");
}

function symbolsOf(named: readonly string[], isAll: boolean, registry: Registry): readonly string[] {
  if (named.length > 0 && !isAll) return named;
  if (named.length === 0 && isAll) {
    return [...registry.symbols].filter(([, { enabled }]) => enabled).map(([name]) => name);
  }
  throw new ConfigurationError(isAll ? "--symbol and --all-symbols exclude each other" : "no symbol was named", {
    code: "USAGE",
    hint: "give --symbol once or more, or --all-symbols for every symbol that the registry enables",
  });
}

const command = defineCommand({
  name: "populate",
  summary: "build the range bars that are missing, from the exchange's daily archives",
  options: {
    symbol: { type: "string", array: true, describe: "symbol to build, e.g. BTCUSDT; repeat for more" },
    "all-symbols": {
      type: "boolean",
      describe: "every symbol that the registry enables, at those of the thresholds that its floor allows",
    },
    threshold: {
      type: "string",
      array: true,
      demandOption: true,
      describe: "threshold in dbps (250 = 0.25 %); repeat for more, all share one pass",
      parse: parseThreshold,
    },
    "start-date": {
      type: "string",
      describe: "first day, YYYY-MM-DD (default: the registry's effective start)",
      parse: parseDay,
    },
    "end-date": {
      type: "string",
      describe: "last day, inclusive (default: the last published day)",
      parse: parseDay,
    },
    segment: {
      type: "string",
      choices: segmentations,
      describe: "how often a series resets; fixed at its first build (default RANGEBAR_OUROBOROS_MODE, else year)",
    },
    host: {
      type: "string",
      array: true,
      describe: "queue it on this host of the fleet instead of building it here and now; repeat for more",
    },
    "all-hosts": { type: "boolean", describe: "queue it on all hosts of the fleet" },
    "per-threshold": {
      type: "boolean",
      describe: "with a host: a job for each threshold, instead of one pass for all of a symbol and segment",
    },
    plan: {
      type: "boolean",
      describe:
        "show units, bytes, memory, disk and time, and keep that as a plan for barkeep apply; change nothing else",
    },
  },
  examples: [
    ["--archive DIR --symbol BTCUSDT --threshold 250 --threshold 500", "all published days at two thresholds"],
    ["--archive URL --symbol BTCUSDT --threshold 250 --start-date 2024-01-01 --plan", "what that would take"],
    ["--archive URL --all-symbols --threshold 250 --host bigbox", "a job per symbol and year, on bigbox's queue"],
  ],
  handler: async (args, context): Promise<ExitCode> => {
    const { env, signal, print, printJson, log } = context;
    const settings = { ...context.settings, segmentation: args.segment ?? context.settings.segmentation };
    const registry = loadRegistry(settings.symbolsFile);
    const request = {
      symbols: symbolsOf(args.symbol, args.allSymbols, registry),
      thresholds: args.threshold,
      startAsked: args.startDate,
      endAsked: args.endDate,
      leavesOutBelowFloor: args.allSymbols,
    };
    const entries = namedHosts(args, settings);
    if (entries.length > 0) {
      const pass = args.perThreshold ? "single" : "shared";
      const asked = { request, entries, pass, isPlan: args.plan } as const;
      const outcome = await populateOnHosts(asked, settings, registry, env, new Date(), log);
      if (settings.json) printJson(fleetPopulateDocument(outcome));
      else fleetPopulateLines(outcome).forEach((line) => print(line));
      return fleetPopulateExitCode(outcome);
    }
    if (args.plan) {
      const plan = await planPopulate(request, settings, registry, env, new Date(), log);
      if (settings.json) printJson(storedPlanDocument(plan));
      else storedPlanLines(plan).forEach((line) => print(line));
      return worstExitCode(plan.plan.failures);
    }
    const progress = new Progress(context.stderr);
    const outcome: PopulateOutcome = await populate(request, settings, registry, env, new Date(), signal, {
      line: (text) => {
        progress.clear();
        log(text);
      },
      progress: (state) => progress.show(state),
    });
    progress.clear();
    if (settings.json) printJson(populateDocument(outcome));
    else populateLines(outcome).forEach((line) => print(line));
    if (outcome.exitCode === exitCodes.interrupted) log(`resume: ${await commandLine()}`);
    return outcome.exitCode;
  },
});

export default command;
await runIfMain(import.meta, command);
