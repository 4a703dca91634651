import { join, relative } from "node:path";
import { loadRegistry, projectRoot } from "../lib/config/index.ts";
import { defineCommand, runIfMain, type CommandContext } from "../lib/command/index.ts";
import { readSeries } from "../lib/datasets/range/export.ts";
import { resolveWork } from "../lib/datasets/range/request.ts";
import { populateWork, type PopulateOutcome } from "../lib/datasets/range/run.ts";
import { readStatus, type SeriesStatus } from "../lib/datasets/range/status.ts";
import { openLedger } from "../lib/ledger/index.ts";
import { writeWhole } from "../lib/files/write-whole.ts";
import { dayOfMs, parseDay } from "../lib/model/day.ts";
import { parseSeriesId, parseThreshold, seriesId, type SeriesId } from "../lib/model/series.ts";
import { formatDigest } from "../lib/native/index.ts";
import { chartBarsOf, type ChartBar, type ChartSeries } from "../lib/report/chart-data.ts";
import { htmlChart } from "../lib/report/html-chart.ts";
import { populateDocument, populateLines } from "../lib/report/populate.ts";
import { statusDocument, statusLines } from "../lib/report/status.ts";
import { terminalChart } from "../lib/report/terminal-chart.ts";
import { decodeNative, openStore, type Store, storeIdOf, storeSettings } from "../lib/store/index.ts";

/** Thresholds that make tens to hundreds of bars of ten minutes of trades. */
const thresholds = [10, 25, 50].map(parseThreshold);
const chartThreshold = 25;

async function readBars(store: Store, series: SeriesId): Promise<ChartBar[]> {
  const request = {
    series,
    from: undefined,
    to: undefined,
    columns: "base",
    orphans: false,
    incomplete: false,
  } as const;
  const bars: ChartBar[] = [];
  for (const query of (await readSeries(store, request)).queries) {
    for await (const block of decodeNative(store.stream(query, "Native"))) bars.push(...chartBarsOf(block));
  }
  return bars;
}

async function readCharted(store: Store, statuses: readonly SeriesStatus[]): Promise<ChartSeries[]> {
  const charted: ChartSeries[] = [];
  for (const { series, firstId, lastId, complete, digest } of statuses) {
    const { threshold } = parseSeriesId(series);
    const bars = await readBars(store, series);
    charted.push({ series, threshold, bars, firstId, lastId, complete, digest: formatDigest(digest) });
  }
  return charted.toSorted((a, b) => a.threshold - b.threshold);
}

/** What a run came to. */
interface Built {
  readonly outcome: PopulateOutcome;
  readonly statuses: readonly SeriesStatus[];
  readonly charted: readonly ChartSeries[];
}

/** What was built: the table, the chart in the terminal, and the page. */
function show(built: Built, page: string, { print, stdout }: Pick<CommandContext, "print" | "stdout">): void {
  const { outcome, statuses, charted } = built;
  populateLines(outcome).forEach((line) => print(line));
  print("");
  statusLines(statuses).forEach((line) => print(line));
  const drawn = charted.find((one) => one.threshold === chartThreshold);
  print("");
  print(`BTCUSDT, ${chartThreshold / 1000} % range bars:`);
  const width = "columns" in stdout && typeof stdout.columns === "number" ? Math.min(stdout.columns, 120) : 100;
  terminalChart(drawn?.bars ?? [], width, 16).forEach((line) => print(line));
  print("");
  const fromHere = relative(process.cwd(), page);
  print(`chart: ${page}${fromHere.startsWith("..") ? "" : ` (./${fromHere})`}`);
}

const command = defineCommand({
  name: "quickstart",
  summary: "build range bars from the sample archive into the embedded store and draw them",
  handler: async (_args, { env, settings: given, explainSettings, signal, print, printJson, log, stdout }) => {
    const isDefaultState = explainSettings().some(({ name, from }) => name === "stateDirectory" && from === "default");
    const settings = {
      ...given,
      // Ten minutes of trades must not stand where the real series will: their days could never be completed.
      stateDirectory: isDefaultState ? join(given.stateDirectory, "quickstart") : given.stateDirectory,
      archive: join(projectRoot, "examples", "archive"),
      symbolsFile: join(projectRoot, "examples", "symbols.toml"),
      market: "spot",
      segmentation: "year",
      storeUrl: undefined,
    } as const;
    const registry = loadRegistry(settings.symbolsFile);
    const request = {
      symbols: ["BTCUSDT"],
      thresholds,
      startAsked: parseDay("2024-08-08"),
      endAsked: parseDay("2024-08-09"),
    };
    const today = dayOfMs(Date.now());
    const work = await resolveWork(request, settings, registry, env, today, log);
    using ledger = openLedger(settings.stateDirectory);
    const store = await openStore(storeSettings(settings));
    try {
      ledger.belongTo(await storeIdOf(store));
      const outcome = await populateWork({ store, ledger }, work, settings, today, signal, {
        line: log,
        progress: () => undefined,
      });
      if (outcome.exitCode !== 0) return outcome.exitCode;
      const wanted = new Set(work.flatMap((one) => one.series.map(seriesId)));
      const statuses = (await readStatus(store, registry, signal)).filter(({ series }) => wanted.has(series));
      const charted = await readCharted(store, statuses);
      const page = join(settings.stateDirectory, "quickstart.html");
      writeWhole(page, htmlChart("BTCUSDT range bars, 2024-08-08 23:54 to 2024-08-09 00:05 UTC", charted), 0o644);
      if (settings.json) printJson({ ...populateDocument(outcome), ...statusDocument(statuses), chart: page });
      else show({ outcome, statuses, charted }, page, { print, stdout });
      return outcome.exitCode;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
