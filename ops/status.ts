import { loadRegistry } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { readStatus } from "../lib/datasets/range/status.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { statusDocument, statusLines } from "../lib/report/status.ts";
import { openStore, storeExists, storeSettings } from "../lib/store/index.ts";

const command = defineCommand({
  name: "status",
  summary: "what the store holds, and whether it is proven complete",
  examples: [
    ["", "a table of every series"],
    [
      "--json",
      "the same as one document: series[].{series, bars, first_id, last_id, days, last_trade_us, complete, digest}",
    ],
  ],
  handler: async (_args, { settings, print, printJson, signal }) => {
    const registry = loadRegistry(settings.symbolsFile);
    const address = storeSettings(settings);
    // Looking must not make a store.
    const store = storeExists(address) ? await openStore(address) : undefined;
    try {
      const statuses = store === undefined ? [] : await readStatus(store, registry, signal);
      if (settings.json) printJson(statusDocument(statuses));
      else statusLines(statuses).forEach((line) => print(line));
      return statuses.every((status) => status.complete) ? exitCodes.ok : exitCodes.findings;
    } finally {
      await store?.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
