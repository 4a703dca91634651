import { join } from "node:path";
import { z } from "zod";
import { runChild } from "./child.ts";
import { dayFile, madeUpDays } from "./days.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { peakFigure } from "./peak.ts";
import { populateOnce } from "./populate-run.ts";
import { peerVersion, rangebarPython } from "./python-peer.ts";
import { ratio, rounded, summary } from "./statistics.ts";

const bench = "peers";
const what = `rangebar-py ${peerVersion}, zip to bars, 250 dbps`;
const dayCount = 4;
const script = join(import.meta.dirname, "programs", "rangebar_py.py");
const outputSchema = z.object({ trades: z.number(), bars: z.number(), seconds: z.number() });

/** The Python package that makes range bars from the same archives: zipfile, polars, `process_trades_polars`. */
export async function* measurePeers(setting: Setting): AsyncGenerator<Line> {
  const python = await rangebarPython();
  if ("problem" in python) {
    yield { bench, what, skipped: python.problem };
    return;
  }
  const archive = await madeUpDays(setting);
  const theirs: { trades: number; bars: number; seconds: number; peakBytes: number | undefined }[] = [];
  const ourRates: number[] = [];
  for (let round = 0; round < (setting.quick ? 2 : 3); round += 1) {
    const { stdout, peakBytes } = await runChild(python.path, [script, dayFile(archive, 0), "250"]);
    theirs.push({ ...outputSchema.parse(JSON.parse(stdout)), peakBytes });
    const { trades, seconds } = await populateOnce(archive, dayCount);
    ourRates.push(trades / seconds);
  }
  const [first] = theirs;
  if (first === undefined) return;
  const rate = summary(
    theirs.map(({ trades, seconds }) => trades / seconds),
    "high",
  );
  const details = { trades: first.trades, bars: first.bars };
  yield figure(setting, { bench, what, unit: "trades/s", summary: rate, details });
  const peaks = theirs.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes / 1e6]));
  if (peaks.length > 0) {
    yield peakFigure(setting, { bench, what: `${what}, peak memory`, samples: peaks, details });
  }
  const ours = summary(ourRates, "high");
  yield figure(setting, {
    bench,
    what: `populate ${dayCount} days, times as fast as rangebar-py ${peerVersion}`,
    unit: "ratio",
    summary: ratio(ours, rate),
    target: { at_least: 11 },
    details: { populate_trades_per_s: rounded(ours.best), rangebar_py_trades_per_s: rounded(rate.best) },
  });
}
