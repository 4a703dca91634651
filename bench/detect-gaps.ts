import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runChild } from "./child.ts";
import { withScratchFolder } from "./folders.ts";
import { daysOf, seriesCount, type GapStore } from "./gap-store.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { ratio, rounded, summary } from "./statistics.ts";
import { watchTimes, type WatchTimes } from "./watch-request.ts";

const bench = "detect-gaps";
const program = fileURLToPath(import.meta.resolve("./programs/watch-store.ts"));
/** 72 series over eight years: about 210,000 days of coverage and 50 million bars. */
const whole: GapStore = {
  symbols: 18,
  thresholds: [250, 500, 750, 1000],
  firstYear: 2017,
  lastYear: 2024,
  barsPerDay: 238,
};
const small: GapStore = { symbols: 2, thresholds: [250, 1000], firstYear: 2023, lastYear: 2024, barsPerDay: 20 };

/** `detect-gaps` of a store in which nothing is wrong: from coverage, from every bar, and as the older program went about it. */
export async function* measureDetectGaps(setting: Setting): AsyncGenerator<Line> {
  const of = setting.quick ? small : whole;
  const times = await withScratchFolder(async (scratch) => timesOf(join(scratch, "state"), of, setting.quick ? 2 : 5));
  const days = seriesCount(of) * daysOf(of);
  const details = { series: times.series, coverage_rows: days, bars: times.bars };
  const rate = (seconds: readonly number[]): ReturnType<typeof summary> =>
    summary(
      seconds.map((one) => times.bars / one),
      "high",
    );
  yield figure(setting, {
    bench,
    what: `from coverage, ${days.toLocaleString("en-US")} rows, after start-up`,
    unit: "s",
    summary: summary(times.coverage, "low"),
    target: { at_most: 0.3 },
    details,
  });
  yield figure(setting, {
    bench,
    what: `--exhaustive, ${times.bars.toLocaleString("en-US")} bars`,
    unit: "bars/s",
    summary: rate(times.exhaustive),
    target: { at_least: 10_000_000 },
    details,
  });
  yield figure(setting, {
    bench,
    what: "--exhaustive with steps of price",
    unit: "bars/s",
    summary: rate(times.prices),
    details,
  });
  const older = summary(times.older, "low");
  const exhaustive = summary(times.exhaustive, "low");
  yield figure(setting, {
    bench,
    what: "FINAL and lagInFrame per pair over --exhaustive",
    unit: "ratio",
    summary: ratio(older, exhaustive),
    details: { older_s: rounded(older.best), exhaustive_s: rounded(exhaustive.best) },
  });
}

async function timesOf(state: string, of: GapStore, rounds: number): Promise<WatchTimes> {
  // As bin/barkeep.mjs starts our programs.
  const environment = { UV_THREADPOOL_SIZE: "16" };
  const { stdout } = await runChild(process.execPath, [program, JSON.stringify({ state, of, rounds })], {
    environment,
  });
  return watchTimes.parse(JSON.parse(stdout));
}
