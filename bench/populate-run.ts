import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { addDays } from "../lib/model/day.ts";
import { runChild } from "./child.ts";
import type { DaysArchive } from "./days.ts";
import { project, withScratchFolder } from "./folders.ts";
import { registryOf } from "./registry.ts";

/** One `barkeep populate`. */
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

/** The same into the new store of a folder. */
export async function populateInto(
  scratch: string,
  days: DaysArchive,
  dayCount: number,
  threshold: number,
): Promise<PopulateRun> {
  const run = await populateRest(scratch, days, dayCount, threshold);
  if (run.trades !== days.tradesPerDay * dayCount) throw new Error(`populate read ${run.trades} trades`);
  return run;
}

/** Builds what the store of a folder lacks. */
export async function populateRest(
  scratch: string,
  days: DaysArchive,
  dayCount: number,
  threshold: number,
): Promise<PopulateRun> {
  const argv = populateWords(scratch, days, dayCount, threshold);
  const { stdout, seconds, peakBytes } = await runChild(process.execPath, argv);
  const [{ trades, bars }] = documentSchema.parse(JSON.parse(stdout)).symbols;
  return { trades, bars, seconds, peakBytes };
}

/** What Node is given for that, the program first; writes the registry. */
export function populateWords(scratch: string, days: DaysArchive, dayCount: number, threshold: number): string[] {
  writeFileSync(join(scratch, "symbols.toml"), registryOf([days.symbol]));
  const range = ["--start-date", days.firstDay, "--end-date", addDays(days.firstDay, dayCount - 1)];
  const series = ["--symbol", days.symbol, "--threshold", `${threshold}`];
  return [launcher, "populate", ...series, ...range, "--archive", days.folder, ...placesIn(scratch), "--json"];
}

/** The program as a person starts it. */
export const launcher = join(project, "bin", "barkeep.mjs");

/** Where a folder's store and registry are. */
export function placesIn(scratch: string): string[] {
  return ["--symbols", join(scratch, "symbols.toml"), "--state", stateOf(scratch)];
}

/** Where a folder's store is. */
export function stateOf(scratch: string): string {
  return join(scratch, "state");
}
