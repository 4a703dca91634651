import { mkdir, rename, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { loadRegistry, projectRoot } from "../lib/config/index.ts";
import { defineCommand, runIfMain } from "../lib/command/index.ts";
import { readSeries } from "../lib/datasets/range/export.ts";
import { storeSettings } from "../lib/datasets/range/plan.ts";
import { resolveWork } from "../lib/datasets/range/request.ts";
import { populateWork } from "../lib/datasets/range/run.ts";
import { readStatus } from "../lib/datasets/range/status.ts";
import { dayOfMs, parseDay } from "../lib/model/day.ts";
import { parseSeriesId, parseThreshold, seriesId, type SeriesId } from "../lib/model/series.ts";
import { formatDigest } from "../lib/native/index.ts";
import { chartBarsOf, type ChartBar, type ChartSeries } from "../lib/report/chart-data.ts";
import { htmlChart } from "../lib/report/html-chart.ts";
import { populateLines } from "../lib/report/populate.ts";
import { statusLines } from "../lib/report/status.ts";
import { terminalChart } from "../lib/report/terminal-chart.ts";
import { decodeNative, openStore, type Store } from "../lib/store/index.ts";

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

const command = defineCommand({
  name: "quickstart",
  summary: "build range bars from the sample archive into the embedded store and draw them",
  handler: async (_args, { env, settings: given, signal, print, log, stdout }) => {
    const settings = {
      ...given,
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
    const store = await openStore(storeSettings(settings));
    try {
      const outcome = await populateWork(store, work, settings, today, signal, {
        line: log,
        progress: () => undefined,
      });
      populateLines(outcome).forEach((line) => print(line));
      if (outcome.exitCode !== 0) return outcome.exitCode;
      const wanted = work.flatMap((one) => one.series.map(seriesId));
      const statuses = (await readStatus(store, registry)).filter((status) => wanted.includes(status.series));
      print("");
      statusLines(statuses).forEach((line) => print(line));
      const charted: ChartSeries[] = [];
      for (const status of statuses) {
        const parsed = parseSeriesId(status.series);
        charted.push({
          series: status.series,
          threshold: parsed.threshold,
          bars: await readBars(store, status.series),
          firstId: status.firstId,
          lastId: status.lastId,
          complete: status.complete,
          digest: formatDigest(status.digest),
        });
      }
      charted.sort((a, b) => a.threshold - b.threshold);
      const drawn = charted.find((one) => one.threshold === chartThreshold);
      print("");
      print(`BTCUSDT, ${chartThreshold / 1000} % range bars:`);
      const width = "columns" in stdout && typeof stdout.columns === "number" ? Math.min(stdout.columns, 120) : 100;
      terminalChart(drawn?.bars ?? [], width, 16).forEach((line) => print(line));
      const page = join(settings.stateDirectory, "quickstart.html");
      await mkdir(settings.stateDirectory, { recursive: true });
      await writeFile(
        `${page}.new`,
        htmlChart("BTCUSDT range bars, 2024-08-08 23:54 to 2024-08-09 00:05 UTC", charted),
      );
      await rename(`${page}.new`, page);
      print("");
      print(
        `chart: ${page}${relative(process.cwd(), page).startsWith("..") ? "" : ` (./${relative(process.cwd(), page)})`}`,
      );
      return outcome.exitCode;
    } finally {
      await store.close();
    }
  },
});

export default command;
await runIfMain(import.meta, command);
