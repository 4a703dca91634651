import { loadRegistry } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { wholeNumberOf } from "../lib/model/quantities.ts";
import { findingEntry, findingLine, findingsExitCode } from "../lib/report/findings.ts";
import { openExistingStore } from "../lib/store/index.ts";
import { selectionOptions } from "../lib/watch/options.ts";
import { validateStore } from "../lib/watch/validation.ts";

const command = defineCommand({
  name: "validate",
  summary:
    "hold the store against itself: ids, every series as verify proves it, values of features; reads and nothing else",
  options: {
    symbol: { ...selectionOptions.symbol, describe: "only series of this symbol; repeat for more" },
    threshold: {
      ...selectionOptions.threshold,
      describe: "only series at this threshold, dbps, of --symbol or of every symbol of the store; repeat for more",
    },
    dedup: { type: "boolean", describe: "only whether ids are there twice, in coverage or in bars" },
    limit: {
      type: "string",
      default: "20",
      describe: "show so many findings of each check",
      parse: wholeNumberOf("findings", 1),
    },
  },
  examples: [
    ["", "the store answers; ids follow each other; verify's audit; features are in their ranges and change"],
    ["--symbol BTCUSDT --threshold 250", "the same of one series; exit 2 where the store does not have it"],
    ["--dedup --json", "checks[].{name, what, findings[]}, ids that are there twice alone"],
  ],
  handler: async ({ symbol, threshold, dedup, limit }, { settings, signal, print, printJson }) => {
    const registry = loadRegistry(settings.symbolsFile);
    const store = await openExistingStore(settings);
    try {
      const selection = { symbols: symbol, thresholds: threshold };
      const checks = await validateStore({
        store,
        registry,
        selection,
        dedupOnly: dedup,
        nowMs: Date.now(),
        signal,
      });
      if (settings.json) {
        printJson({
          checks: checks.map(({ name, what, findings }) => ({ name, what, findings: findings.map(findingEntry) })),
        });
      } else {
        for (const { name, what, findings } of checks) {
          for (const finding of findings.slice(0, limit)) print(findingLine(finding));
          const more = findings.length - limit;
          if (more > 0) print(`… and ${more} more; --limit ${findings.length} shows all`);
          print(`${name}: ${what}: ${findings.length === 0 ? "sound" : `${findings.length} findings`}`);
        }
      }
      return findingsExitCode(checks.flatMap(({ findings }) => findings));
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
