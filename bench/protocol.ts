import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { addDays } from "../lib/model/day.ts";
import { madeUpDays, type DaysArchive } from "./days.ts";
import { withScratchFolder } from "./folders.ts";
import type { Line } from "./line.ts";
import { measuredPopulate, type Answer } from "./measured-populate.ts";
import { figure, type Setting } from "./measurement.ts";
import { registryOf } from "./registry.ts";
import { rounded, summary } from "./statistics.ts";

/** What `barkeep populate` spends on its promises: leases, looks, read-back, coverage with its checkpoint. */
export async function* measureProtocol(setting: Setting): AsyncGenerator<Line> {
  const days = await madeUpDays(setting);
  for (const dayCount of [1, 8]) {
    const runs: Answer[] = [];
    for (let round = 0; round < (setting.quick ? 2 : 5); round += 1) {
      runs.push(await populateFromNothing(days, dayCount));
    }
    const typical = runs.toSorted((a, b) => share(a) - share(b))[0];
    if (typical === undefined) return;
    yield figure(setting, {
      bench: "protocol",
      what: `the protocol's share of populate's time, ${dayCount} ${dayCount === 1 ? "day" : "days"}, 250 dbps`,
      unit: "ratio",
      summary: summary(runs.map(share), "low"),
      target: { at_most: 0.1 },
      details: {
        trades: typical.trades,
        bars: typical.bars,
        commits: typical.commits,
        protocol_ms: rounded(typical.protocol_ms),
        insert_bars_ms: rounded(typical.insert_bars_ms),
        planning_ms: rounded(typical.planning_ms),
        startup_ms: rounded(typical.startup_ms),
        whole_ms: rounded(typical.whole_ms),
        share_without_startup: rounded(typical.protocol_ms / (typical.whole_ms - typical.startup_ms)),
        statements: typical.statements,
        ...Object.fromEntries(Object.entries(typical.by_kind).map(([kind, ms]) => [kind, rounded(ms)])),
      },
    });
  }
}

function share({ protocol_ms, whole_ms }: Answer): number {
  return protocol_ms / whole_ms;
}

async function populateFromNothing(days: DaysArchive, dayCount: number): Promise<Answer> {
  return withScratchFolder(async (scratch) => {
    const symbolsFile = join(scratch, "symbols.toml");
    writeFileSync(symbolsFile, registryOf([days.symbol]));
    return measuredPopulate({
      state: join(scratch, "state"),
      archive: days.folder,
      symbolsFile,
      symbols: [days.symbol],
      thresholds: [250],
      from: days.firstDay,
      to: addDays(days.firstDay, dayCount - 1),
    });
  });
}
