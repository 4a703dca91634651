import { z } from "zod";
import { runChild } from "./child.ts";
import { madeUpDays } from "./days.ts";
import { withScratchFolder } from "./folders.ts";
import type { Line } from "./line.ts";
import { figure, type Setting } from "./measurement.ts";
import { peakFigure } from "./peak.ts";
import { launcher, placesIn, populateInto } from "./populate-run.ts";
import { summary } from "./statistics.ts";

const bench = "verify";
/** Fine enough that a few made-up days give a million bars. */
const threshold = 3;
const documentSchema = z.object({ bars: z.coerce.number(), findings: z.array(z.unknown()).length(0) });

/** `barkeep verify` of a series in the embedded store, the program's start included. */
export async function* measureVerify(setting: Setting): AsyncGenerator<Line> {
  const days = await madeUpDays(setting);
  const rounds = setting.quick ? 2 : 5;
  yield* await withScratchFolder(async (scratch) => {
    const { bars } = await populateInto(scratch, days, setting.quick ? 1 : 4, threshold);
    const runs = [];
    for (let round = 0; round < rounds; round += 1) {
      const argv = [launcher, "verify", `${days.symbol}@${threshold}`, ...placesIn(scratch), "--json"];
      const run = await runChild(process.execPath, argv);
      const document = documentSchema.parse(JSON.parse(run.stdout));
      if (document.bars !== bars) throw new Error(`verify saw ${document.bars} bars of ${bars}`);
      runs.push(run);
    }
    const rates = runs.map(({ seconds }) => bars / seconds);
    const peaks = runs.flatMap(({ peakBytes }) => (peakBytes === undefined ? [] : [peakBytes / 1e6]));
    const lines: Line[] = [
      figure(setting, {
        bench,
        what: "audit a series",
        unit: "bars/s",
        summary: summary(rates, "high"),
        details: { bars },
      }),
    ];
    if (peaks.length > 0) lines.push(peakFigure(setting, { bench, what: "peak memory of an audit", samples: peaks }));
    return lines;
  });
}
