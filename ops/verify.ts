import { loadRegistry, type Registry, type Settings } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { resolveSeries } from "../lib/datasets/range/resolve-series.ts";
import { verifyDeep, verifyStored, type VerifyResult } from "../lib/datasets/range/verify.ts";
import { ConfigurationError, Failure } from "../lib/model/errors.ts";
import { parseSeriesId, type SeriesId } from "../lib/model/series.ts";
import { verifyEntry, verifyExitCode, verifyLines, type SeriesOutcome } from "../lib/report/verify.ts";
import { openArchive } from "../lib/sources/archive/index.ts";
import { listSeries, openStore, storeExists, storeSettings, type Store } from "../lib/store/index.ts";

/** What every series is verified with. */
interface VerifyRun {
  readonly store: Store;
  readonly registry: Registry;
  readonly settings: Settings;
  readonly deep: boolean;
  readonly signal: AbortSignal;
}

async function verifyOne(
  { store, registry, settings, deep, signal }: VerifyRun,
  series: SeriesId,
): Promise<VerifyResult> {
  const { market, symbol } = parseSeriesId(series);
  const entry = registry.symbols.get(symbol);
  const { archive, stateDirectory } = settings;
  if (!deep || archive === undefined) return verifyStored(store, series, entry, { signal });
  return verifyDeep(store, await openArchive(archive, market, symbol, stateDirectory), series, entry, { signal });
}

/** One of many: what cannot be looked at must not keep the others from being looked at. */
async function outcomeOf(run: VerifyRun, series: SeriesId): Promise<SeriesOutcome> {
  try {
    return await verifyOne(run, series);
  } catch (error) {
    if (error instanceof Failure) return { series, failure: error };
    throw error;
  }
}

function wholeStore(existing: readonly SeriesId[]): readonly SeriesId[] {
  if (existing.length > 0) return existing;
  throw new ConfigurationError("the store holds no series", { code: "EMPTY_STORE", hint: "run populate first" });
}

const command = defineCommand({
  name: "verify",
  summary:
    "prove a series, or all, by what the store holds; or derive it again from the archive and compare cell by cell",
  positionals: {
    series: {
      describe: "range:binance/spot/BTCUSDT@25, or BTCUSDT@25 when that is unique; all for every series",
      demandOption: true,
    },
  },
  options: {
    deep: { type: "boolean", describe: "derive the series again from the archive (--archive) and compare every cell" },
  },
  examples: [
    ["BTCUSDT@250", "coverage, checkpoints and bars agree with each other and with the rules; docs/verify.md"],
    ["all --json", "every series, as one document: series[].{series, bars, findings[].{code, text, segment, day, id}}"],
    ["BTCUSDT@250 --deep --archive DIR", "every cell is what the archive gives"],
  ],
  handler: async (args, { settings, signal, print, printJson }) => {
    const { deep } = args;
    if (deep && settings.archive === undefined) {
      throw new ConfigurationError("--deep needs the archive", {
        code: "NO_ARCHIVE",
        hint: "give --archive DIR or URL, or set BARKEEP_ARCHIVE",
      });
    }
    const isAll = args.series === "all";
    const address = storeSettings(settings);
    const registry = loadRegistry(settings.symbolsFile);
    const named = (existing: readonly SeriesId[]): readonly SeriesId[] =>
      isAll ? wholeStore(existing) : [resolveSeries(args.series, existing)];
    // Looking must not make a store: without one there is no series, and the error says so.
    if (!storeExists(address)) named([]);
    const store = await openStore(address);
    try {
      const run = { store, registry, settings, deep, signal };
      const outcomes: SeriesOutcome[] = [];
      for (const series of named(await listSeries(store))) {
        signal.throwIfAborted();
        const outcome = isAll ? await outcomeOf(run, series) : await verifyOne(run, series);
        outcomes.push(outcome);
        if (!settings.json) verifyLines(outcome, deep).forEach((line) => print(line));
      }
      const [first] = outcomes;
      if (settings.json && isAll) printJson({ deep, series: outcomes.map(verifyEntry) });
      else if (settings.json && first !== undefined) printJson({ deep, ...verifyEntry(first) });
      return verifyExitCode(outcomes);
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
