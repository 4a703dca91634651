import { fileURLToPath } from "node:url";
import { z } from "zod";
import { runChild } from "./child.ts";
import { dayFile, madeUpDays } from "./days.ts";
import type { Line } from "./line.ts";
import type { Setting } from "./measurement.ts";
import { peakFigure } from "./peak.ts";

const program = fileURLToPath(import.meta.resolve("./programs/read-day.ts"));
const outputSchema = z.object({ before_bytes: z.number(), peak_bytes: z.number(), bars: z.number() });

/** How much the core adds to a process that reads one day's zip: high-water mark over what was resident before. */
export async function* measureMemory(setting: Setting): AsyncGenerator<Line> {
  const bench = "memory";
  const what = "what the core adds to a process that reads one day, 250 dbps";
  if (process.platform !== "linux") {
    yield { bench, what, skipped: "needs /proc" };
    return;
  }
  const days = await madeUpDays(setting);
  const added: number[] = [];
  const details: Record<string, number> = { trades: days.tradesPerDay };
  for (let round = 0; round < (setting.quick ? 2 : 5); round += 1) {
    const argv = [program, dayFile(days, 0), days.symbol, days.firstDay];
    const { stdout } = await runChild(process.execPath, argv, { oneCore: true });
    const output = outputSchema.parse(JSON.parse(stdout));
    added.push((output.peak_bytes - output.before_bytes) / 1e6);
    details["bars"] = output.bars;
  }
  yield peakFigure(setting, { bench, what, samples: added, target: { at_most: 64 }, details });
}
