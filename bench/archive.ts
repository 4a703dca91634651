import { dayFile, madeUpDays } from "./days.ts";
import { runCoreProgram, type Cores, timed, timedOf } from "./core-program.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { ratio, rounded } from "./statistics.ts";

/** A day's zip to bars, checksum included, beside inflating the same bytes whole with libdeflate, which keeps to one core. */
export async function* measureArchive(setting: Setting): AsyncGenerator<Line> {
  for (const cores of ["one core", "all cores"] as const) yield* measureOn(cores, setting);
}

async function* measureOn(cores: Cores, setting: Setting): AsyncGenerator<Line> {
  const bench = "archive";
  const file = dayFile(await madeUpDays(setting), 0);
  const all = timedOf(await runCoreProgram(["archive", "--file", file, "--rounds", setting.quick ? "3" : "7"], cores));
  for (const one of all) {
    const subject = one.dbps === null ? one.subject : `${one.subject}, ${one.dbps} dbps`;
    const details = { trades: one.trades };
    yield figure(setting, { bench, what: `${subject}, ${cores}`, unit: "ns/trade", summary: one, details });
  }
  const libdeflate = timed(all, "libdeflate whole buffer");
  const one = timed(all, "zip to bars", 250);
  const four = timed(all, "zip to bars, four thresholds");
  yield figure(setting, {
    bench,
    what: `zip to bars on ${cores}, share of libdeflate's speed on one, 250 dbps`,
    unit: "ratio",
    summary: ratio(libdeflate, one),
    // The promise is for two cores; one core shows the work itself.
    ...(cores === "all cores" ? { target: { at_least: 0.8 } } : {}),
    details: { zip_to_bars_ns: rounded(one.best), libdeflate_ns: rounded(libdeflate.best) },
  });
  yield figure(setting, {
    bench,
    what: `time of four thresholds in one pass over that of one, ${cores}`,
    unit: "ratio",
    summary: ratio(four, one),
    target: { at_most: 1.3 },
    details: { four_ns: rounded(four.best), one_ns: rounded(one.best) },
  });
}
