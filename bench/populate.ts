import { runCoreProgram, timed, timedOf } from "./core-program.ts";
import { dayFile, madeUpDays } from "./days.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { peakFigure } from "./peak.ts";
import { populateOnce, type PopulateRun } from "./populate-run.ts";
import { ratio, rounded, summary, type Summary } from "./statistics.ts";

const bench = "populate";
const few = 2;
const many = 8;

/** `barkeep populate` end to end into the embedded store, beside libdeflate on one core; memory at two lengths. */
export async function* measurePopulate(setting: Setting): AsyncGenerator<Line> {
  const days = await madeUpDays(setting);
  const rounds = setting.quick ? 2 : 5;
  const libdeflateRates: number[] = [];
  const fewRuns: PopulateRun[] = [];
  const manyRuns: PopulateRun[] = [];
  for (let round = 0; round < rounds; round += 1) {
    libdeflateRates.push(await libdeflateRate(dayFile(days, round % many)));
    fewRuns.push(await populateOnce(days, few));
    manyRuns.push(await populateOnce(days, many));
  }
  for (const [count, runs] of [
    [few, fewRuns],
    [many, manyRuns],
  ] as const) {
    const details = { trades: runs[0]?.trades ?? 0, bars: runs[0]?.bars ?? 0 };
    yield figure(setting, {
      bench,
      what: `populate ${count} days, 250 dbps`,
      unit: "trades/s",
      summary: ratesOf(runs),
      details,
    });
  }
  const libdeflate = summary(libdeflateRates, "high");
  yield figure(setting, { bench, what: "libdeflate whole buffer, one core", unit: "trades/s", summary: libdeflate });
  const rate = ratesOf(manyRuns);
  yield figure(setting, {
    bench,
    what: `populate ${many} days, share of libdeflate's speed`,
    unit: "ratio",
    summary: ratio(rate, libdeflate),
    target: { at_least: 0.7 },
    details: { populate_trades_per_s: rounded(rate.best), libdeflate_trades_per_s: rounded(libdeflate.best) },
  });
  yield furtherDays(setting, fewRuns, manyRuns, libdeflate);
  yield* memoryLines(setting, fewRuns, manyRuns);
}

/** What a long run comes to: the difference between both lengths is free of the program's start. */
function furtherDays(
  setting: Setting,
  fewRuns: readonly PopulateRun[],
  manyRuns: readonly PopulateRun[],
  libdeflate: Summary,
): Line {
  const [fewSeconds, manySeconds] = [fewRuns, manyRuns].map((runs) =>
    summary(
      runs.map(({ seconds }) => seconds),
      "low",
    ),
  );
  if (fewSeconds === undefined || manySeconds === undefined) throw new Error("nothing was run");
  const trades = (manyRuns[0]?.trades ?? 0) - (fewRuns[0]?.trades ?? 0);
  const best = trades / (manySeconds.best - fewSeconds.best);
  const median = trades / (manySeconds.median - fewSeconds.median);
  return figure(setting, {
    bench,
    what: "populate, each further day, share of libdeflate's speed",
    unit: "ratio",
    summary: ratio({ best, median, runs: manyRuns.length }, libdeflate),
    details: {
      [`seconds_${few}_days`]: rounded(fewSeconds.best),
      [`seconds_${many}_days`]: rounded(manySeconds.best),
      further_trades_per_s: rounded(best),
    },
  });
}

function* memoryLines(
  setting: Setting,
  fewRuns: readonly PopulateRun[],
  manyRuns: readonly PopulateRun[],
): Generator<Line> {
  const peaks = [fewRuns, manyRuns].map((runs) =>
    runs.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes / 1e6])),
  );
  const [fewPeaks = [], manyPeaks = []] = peaks;
  if (fewPeaks.length === 0 || manyPeaks.length === 0) {
    yield { bench, what: "peak memory", skipped: "needs /proc" };
    return;
  }
  yield peakFigure(setting, { bench, what: `peak memory, ${few} days`, samples: fewPeaks });
  yield peakFigure(setting, { bench, what: `peak memory, ${many} days`, samples: manyPeaks, target: { at_most: 450 } });
  yield figure(setting, {
    bench,
    what: `peak memory of ${many} days over that of ${few}`,
    unit: "ratio",
    summary: ratio(summary(manyPeaks, "low"), summary(fewPeaks, "low")),
    target: { at_most: 1.1 },
  });
}

function ratesOf(runs: readonly PopulateRun[]): Summary {
  return summary(
    runs.map(({ trades, seconds }) => trades / seconds),
    "high",
  );
}

/** Trades per second of libdeflate over a day's bytes; the first of the three rounds finds its memory cold. */
async function libdeflateRate(file: string): Promise<number> {
  const inflating = timedOf(await runCoreProgram(["archive", "--file", file, "--rounds", "3"], "one core"));
  return 1e9 / timed(inflating, "libdeflate whole buffer").best;
}
