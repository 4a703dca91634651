import { runCoreProgram, timed, timedOf } from "./core-program.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { ratio, rounded } from "./statistics.ts";

const thresholds = [50, 250, 1000];
/** The threshold whose share of a plain read has a target. */
const targetDbps = 250;

/** Base bars from trades in memory, beside crate rangebar-core and a plain read of the same columns, on one core. */
export async function* measureEngine(setting: Setting): AsyncGenerator<Line> {
  const size = setting.quick ? ["--trades", "50000", "--rounds", "3"] : ["--trades", "5000000", "--rounds", "9"];
  const all = timedOf(await runCoreProgram(["engine", ...size], "one core"));
  for (const one of all) {
    const what = one.dbps === null ? one.subject : `${one.subject}, ${one.dbps} dbps`;
    const details = { trades: one.trades };
    yield figure(setting, { bench: "engine", what, unit: "ns/trade", summary: one, details });
  }
  const plain = timed(all, "plain read");
  for (const dbps of thresholds) {
    const ours = timed(all, "barkeep", dbps);
    const single = timed(all, "rangebar-core single", dbps);
    const batch = timed(all, "rangebar-core batch", dbps);
    const faster = single.best < batch.best ? single : batch;
    yield figure(setting, {
      bench: "engine",
      what: `times as fast as rangebar-core's faster mode, ${dbps} dbps`,
      unit: "ratio",
      summary: ratio(faster, ours),
      target: { at_least: 3 },
      details: {
        barkeep_ns: rounded(ours.best),
        rangebar_core_single_ns: rounded(single.best),
        rangebar_core_batch_ns: rounded(batch.best),
        bars: ours.result,
      },
    });
    yield figure(setting, {
      bench: "engine",
      what: `share of a plain read's speed, ${dbps} dbps`,
      unit: "ratio",
      summary: ratio(plain, ours),
      ...(dbps === targetDbps ? { target: { at_least: 0.6 } } : {}),
      details: { barkeep_ns: rounded(ours.best), plain_read_ns: rounded(plain.best) },
    });
  }
}
