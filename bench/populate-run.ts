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
  return withScratchFolder(async (scratch) => populateInto(scratch, days, dayCount, 250));
}

/** The same into the store of a folder. */
export async function populateInto(
  scratch: string,
  days: DaysArchive,
  dayCount: number,
  threshold: number,
): Promise<PopulateRun> {
  writeFileSync(join(scratch, "symbols.toml"), registryOf(days.symbol));
  const range = ["--start-date", days.firstDay, "--end-date", addDays(days.firstDay, dayCount - 1)];
  const series = ["--symbol", days.symbol, "--threshold", `${threshold}`];
  const argv = [launcher, "populate", ...series, ...range, "--archive", days.folder, ...placesIn(scratch), "--json"];
  const { stdout, seconds, peakBytes } = await runChild(process.execPath, argv);
  const [{ trades, bars }] = documentSchema.parse(JSON.parse(stdout)).symbols;
  if (trades !== days.tradesPerDay * dayCount) throw new Error(`populate read ${trades} trades`);
  return { trades, bars, seconds, peakBytes };
}

/** The program as a person starts it. */
export const launcher = join(project, "bin", "barkeep.mjs");

/** Where a folder's store and registry are. */
export function placesIn(scratch: string): string[] {
  return ["--symbols", join(scratch, "symbols.toml"), "--state", join(scratch, "state")];
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
