import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { checkExportRange, columnSets, readSeries } from "../lib/datasets/range/export.ts";
import { resolveSeries } from "../lib/datasets/range/resolve-series.ts";
import { parseDay } from "../lib/model/day.ts";
import { ConfigurationError } from "../lib/model/errors.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { exportFormats, writeBinary, writeText } from "../lib/report/export-bars.ts";
import { listSeries, openStore, storeExists, storeSettings } from "../lib/store/index.ts";

const command = defineCommand({
  name: "export-bars",
  summary: "write a series' bars to stdout as CSV, NDJSON, Arrow or Parquet",
  positionals: {
    series: { describe: "range:binance/spot/BTCUSDT@25, or BTCUSDT@25 when that is unique", demandOption: true },
  },
  options: {
    from: { type: "string", describe: "first UTC day, by close time", parse: parseDay },
    to: { type: "string", describe: "last UTC day, inclusive, by close time", parse: parseDay },
    columns: {
      type: "string",
      choices: columnSets,
      default: "base",
      describe: "base: times to vwap; all: microstructure and flags too",
    },
    orphans: { type: "boolean", describe: "also bars that a reset or a hole of ids ended" },
    incomplete: { type: "boolean", describe: "also the forming bar, last, with complete 0 (csv and ndjson)" },
    format: { type: "string", choices: exportFormats, default: "csv", describe: "what to write" },
    exact: {
      type: "boolean",
      describe:
        "integers as stored (prices × 1e8, turnovers × 1e16, times in µs) instead of decimals and ISO times (csv, ndjson)",
    },
  },
  examples: [
    ["BTCUSDT@250 --from 2024-08-01 --to 2024-08-31", "a month as CSV"],
    ["BTCUSDT@250 --format parquet > bars.parquet", "everything as one Parquet file; integers as stored"],
  ],
  handler: async (args, { settings, stdout, signal }) => {
    checkExportRange(args);
    const address = storeSettings(settings);
    // Reading must not make a store: without one there is no series, and the error says so.
    if (!storeExists(address)) resolveSeries(args.series, []);
    const store = await openStore(address);
    try {
      const request = { ...args, series: resolveSeries(args.series, await listSeries(store)) };
      const read = await readSeries(store, request);
      if (args.format === "csv" || args.format === "ndjson") {
        await writeText(store, request, read, args.format, args.exact, stdout, signal);
        return exitCodes.ok;
      }
      if (args.incomplete) {
        throw new ConfigurationError(`--incomplete does not go with --format ${args.format}`, {
          code: "USAGE",
          hint: "use csv or ndjson, or leave it out",
        });
      }
      await writeBinary(store, read, args.format, stdout, signal);
      return exitCodes.ok;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
