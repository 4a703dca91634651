import { existsSync } from "node:fs";
import { loadRegistry, type Registry } from "../lib/config/index.ts";
import { defineCommand, runIfMain, type CommandContext } from "../lib/command/index.ts";
import { readStatus, withAccepted, type SeriesStatus } from "../lib/datasets/range/status.ts";
import { hostOptions, namedHosts } from "../lib/fleet/options.ts";
import { lookAtFleet } from "../lib/fleet/watch.ts";
import { ledgerPath, openLedger } from "../lib/ledger/index.ts";
import { ConfigurationError, Failure } from "../lib/model/errors.ts";
import { exitCodes, type ExitCode } from "../lib/model/exit-codes.ts";
import { parseSeriesId } from "../lib/model/series.ts";
import { fleetStatusDocument, fleetStatusExitCode, fleetStatusLines } from "../lib/report/fleet-status.ts";
import { statusDocument, statusLines } from "../lib/report/status.ts";
import { openStore, storeExists, storeSettings } from "../lib/store/index.ts";
import { isAcceptedIn } from "../lib/watch/accepted-days.ts";

/** What people have accepted stands in the ledger: only a hole asks for it, and without one all else is known. */
function explained(statuses: readonly SeriesStatus[], registry: Registry, context: CommandContext): SeriesStatus[] {
  const { stateDirectory, archive: location } = context.settings;
  const hasHoles = statuses.some(({ undeclaredHoles }) => undeclaredHoles.length > 0);
  if (!hasHoles || !existsSync(ledgerPath(stateDirectory))) return [...statuses];
  try {
    using ledger = openLedger(stateDirectory);
    return statuses.map((status) => {
      const { market, symbol } = parseSeriesId(status.series);
      const isAccepted = isAcceptedIn(ledger, { location, market, symbol }, Date.now());
      return withAccepted(status, registry.symbols.get(symbol), isAccepted);
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    context.log(`what was accepted as missing is not known: ${error.message}`);
    return [...statuses];
  }
}

async function storeStatus(context: CommandContext): Promise<ExitCode> {
  const { settings, print, printJson, signal } = context;
  const registry = loadRegistry(settings.symbolsFile);
  const address = storeSettings(settings);
  // Looking must not make a store.
  const store = storeExists(address) ? await openStore(address) : undefined;
  try {
    const found = store === undefined ? [] : await readStatus(store, registry, signal);
    const statuses = explained(found, registry, context);
    if (settings.json) printJson(statusDocument(statuses));
    else statusLines(statuses).forEach((line) => print(line));
    return statuses.every((status) => status.complete) ? exitCodes.ok : exitCodes.findings;
  } finally {
    await store?.close();
  }
}

/** From the top of a terminal's screen. */
const clearScreen = "\u001b[H\u001b[2J";

const command = defineCommand({
  name: "status",
  summary: "what the store holds, and whether it is proven complete; with a host, what its queue does",
  options: {
    ...hostOptions,
    group: { type: "string", describe: "with a host: only this group of its queue" },
    watch: { type: "boolean", describe: "with a host: again every two seconds, until Ctrl-C" },
  },
  examples: [
    ["", "a table of every series"],
    [
      "--json",
      "the same as one document: series[].{series, bars, first_id, last_id, days, last_trade_us, complete, digest}",
    ],
    ["--all-hosts --watch", "each host's load and groups, what runs with its rate and memory, what failed and why"],
  ],
  handler: async (args, context): Promise<ExitCode> => {
    const { settings, print, printJson, signal, stdout } = context;
    const entries = namedHosts(args, settings);
    if (entries.length === 0 && !args.watch && args.group === undefined) return storeStatus(context);
    if (entries.length === 0 || (args.watch && settings.json)) {
      throw new ConfigurationError(
        entries.length === 0 ? "--watch and --group are about hosts" : "--watch is for people and --json is not",
        { code: "USAGE", hint: "give --host NAME or --all-hosts; for a program, ask again when you want to know" },
      );
    }
    const isScreen = args.watch && "isTTY" in stdout && stdout.isTTY === true;
    let exitCode: ExitCode = exitCodes.ok;
    for await (const look of lookAtFleet(entries, settings, args.group, args.watch, signal)) {
      const { views, failures } = look;
      exitCode = fleetStatusExitCode(views, failures);
      if (settings.json) printJson(fleetStatusDocument(views, failures));
      else print(`${isScreen ? clearScreen : ""}${fleetStatusLines(views, failures).join("\n")}`);
    }
    return exitCode;
  },
});

export default command;
await runIfMain(import.meta, command);
