import { join } from "node:path";
import { projectRoot } from "../child.ts";
import type { OpenWorkload } from "../workload.ts";
import { commandWorkload, mustRun } from "./command.ts";

/** Ten minutes of real trades around a midnight. */
export const exampleArchive = join(projectRoot, "examples", "archive");
export const exampleSymbols = join(projectRoot, "examples", "symbols.toml");
const thresholds = ["--threshold", "2", "--threshold", "5", "--threshold", "10"];

/** `barkeep populate` of the example's days at three thresholds. */
export function populateWords(state: string, archive = exampleArchive, to = "2024-08-09"): string[] {
  const places = ["--archive", archive, "--symbols", exampleSymbols, "--state", state];
  return ["populate", "--symbol", "BTCUSDT", ...thresholds, "--start-date", "2024-08-08", "--end-date", to, ...places];
}

/** From nothing: schema, builds, pointer rows, bars, coverage. */
export const openPopulate: OpenWorkload = async (name) =>
  commandWorkload({ name, symbols: exampleSymbols, words: (state) => populateWords(state) });

/** From a store that has the first day: every unit goes on from its checkpoint. */
export const openPopulateNext: OpenWorkload = async (name) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    prepare: async (state) => mustRun(populateWords(state, exampleArchive, "2024-08-08"), state),
    words: (state) => populateWords(state),
  });
