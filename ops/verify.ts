import { loadRegistry } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { resolveSeries } from "../lib/datasets/range/resolve-series.ts";
import { verifyDeep, verifyStored } from "../lib/datasets/range/verify.ts";
import { ConfigurationError } from "../lib/model/errors.ts";
import { exitCodes } from "../lib/model/exit-codes.ts";
import { parseSeriesId } from "../lib/model/series.ts";
import { formatCount } from "../lib/report/text-table.ts";
import { openArchive } from "../lib/sources/archive/index.ts";
import { listSeries, openStore, storeExists, storeSettings } from "../lib/store/index.ts";

const command = defineCommand({
  name: "verify",
  summary: "prove a series against its coverage, or derive it again from the archive and compare cell by cell",
  positionals: {
    series: { describe: "range:binance/spot/BTCUSDT@25, or BTCUSDT@25 when that is unique", demandOption: true },
  },
  options: {
    deep: { type: "boolean", describe: "derive the series again from the archive (--archive) and compare every cell" },
  },
  examples: [
    ["BTCUSDT@250", "ids tile, and the stored bars have the digest they were committed with"],
    ["BTCUSDT@250 --deep --archive DIR", "every cell is what the archive gives"],
  ],
  handler: async (args, { settings, signal, print, printJson }) => {
    if (args.deep && settings.archive === undefined) {
      throw new ConfigurationError("--deep needs the archive", {
        code: "NO_ARCHIVE",
        hint: "give --archive DIR or URL, or set BARKEEP_ARCHIVE",
      });
    }
    const address = storeSettings(settings);
    // Looking must not make a store: without one there is no series, and the error says so.
    if (!storeExists(address)) resolveSeries(args.series, []);
    const store = await openStore(address);
    try {
      const series = resolveSeries(args.series, await listSeries(store));
      const { market, symbol } = parseSeriesId(series);
      const entry = loadRegistry(settings.symbolsFile).symbols.get(symbol);
      const result =
        args.deep && settings.archive !== undefined
          ? await verifyDeep(
              store,
              await openArchive(settings.archive, market, symbol, settings.stateDirectory),
              series,
              entry,
              { signal },
            )
          : await verifyStored(store, series, entry, { signal });
      const { findings } = result;
      if (settings.json) {
        printJson({ series, deep: args.deep, bars: result.bars, cells: result.cells, findings });
      } else {
        findings.forEach((finding) => print(`${finding.code}: ${finding.text}`));
        const compared = args.deep ? `, ${formatCount(result.cells)} cells compared with the archive` : "";
        print(`${series}: ${formatCount(result.bars)} bars${compared}, ${findings.length} findings`);
      }
      return findings.length === 0 ? exitCodes.ok : exitCodes.findings;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
