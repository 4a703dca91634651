import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { addDays } from "../lib/model/day.ts";
import { runChild } from "./child.ts";
import type { DaysArchive } from "./days.ts";
import { project, withScratchFolder } from "./folders.ts";

/** One `barkeep populate` from nothing. */
export interface PopulateRun {
  readonly trades: number;
  readonly bars: number;
  /** Of the whole process, its start included. */
  readonly seconds: number;
  readonly peakBytes: number | undefined;
}

const documentSchema = z.object({
  symbols: z.tuple([z.object({ trades: z.coerce.number(), bars: z.number(), state: z.literal("built") })]),
});

/** Builds the first days of an archive at 250 dbps with the real program, into a store of its own. */
export async function populateOnce(days: DaysArchive, dayCount: number): Promise<PopulateRun> {
  return withScratchFolder(async (scratch) => {
    const symbols = join(scratch, "symbols.toml");
    writeFileSync(symbols, registryOf(days.symbol));
    const range = ["--start-date", days.firstDay, "--end-date", addDays(days.firstDay, dayCount - 1)];
    const series = ["--symbol", days.symbol, "--threshold", "250"];
    const places = ["--archive", days.folder, "--symbols", symbols, "--state", join(scratch, "state")];
    const argv = [join(project, "bin", "barkeep.mjs"), "populate", ...series, ...range, ...places, "--json"];
    const { stdout, seconds, peakBytes } = await runChild(process.execPath, argv);
    const [{ trades, bars }] = documentSchema.parse(JSON.parse(stdout)).symbols;
    if (trades !== days.tradesPerDay * dayCount) throw new Error(`populate read ${trades} trades`);
    return { trades, bars, seconds, peakBytes };
  });
}

function registryOf(symbol: string): string {
  return `schema_version = 2

[symbols.${symbol}]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2017-08-17
min_threshold = 1
`;
}
