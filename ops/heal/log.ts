import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { resolveSeries } from "../../lib/datasets/range/resolve-series.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";
import { wholeNumberOf } from "../../lib/model/quantities.ts";
import { repairLogDocument, repairLogLines } from "../../lib/report/heal.ts";
import { listSeries, openExistingStore, readRepairs } from "../../lib/store/index.ts";

const command = defineCommand({
  name: "heal log",
  summary: "what was repaired: each gap with its unit before and after, from the store's repair log",
  positionals: { series: { describe: "only of this series, e.g. BTCUSDT@250" } },
  options: {
    limit: { type: "string", default: "20", describe: "how many of the last rows", parse: wholeNumberOf("rows", 1) },
  },
  examples: [
    ["", "the last 20"],
    ["BTCUSDT@250 --limit 100 --json", "of one series, as one document"],
  ],
  handler: async (args, { settings, print, printJson, log }) => {
    const store = await openExistingStore(settings, log);
    try {
      const series = args.series === undefined ? undefined : resolveSeries(args.series, await listSeries(store));
      const rows = await readRepairs(store, args.limit, series);
      if (settings.json) printJson(repairLogDocument(rows));
      else repairLogLines(rows).forEach((line) => print(line));
      return exitCodes.ok;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
