import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDay } from "../../../lib/model/day.ts";
import { ArchiveServer } from "../../rig/archive-server.ts";
import { projectRoot } from "../child.ts";
import type { OpenWorkload } from "../workload.ts";
import { commandWorkload, makeEmptyStore, mustRun } from "./command.ts";
import { spreadRealTrades } from "./real-days.ts";

/** Ten minutes of real trades around a midnight. */
export const exampleArchive = join(projectRoot, "examples", "archive");
export const exampleSymbols = join(projectRoot, "examples", "symbols.toml");
const thresholds = ["--threshold", "2", "--threshold", "5", "--threshold", "10"];

/** `barkeep populate` of the example's days at three thresholds. */
export function populateWords(
  state: string,
  { archive = exampleArchive, from = "2024-08-08", to = "2024-08-09" } = {},
): string[] {
  const places = ["--archive", archive, "--symbols", exampleSymbols, "--state", state];
  return ["populate", "--symbol", "BTCUSDT", ...thresholds, "--start-date", from, "--end-date", to, ...places];
}

/** From nothing: schema, builds, pointer rows, bars, coverage. */
export const openPopulate: OpenWorkload = async (name) =>
  commandWorkload({ name, symbols: exampleSymbols, words: (state) => populateWords(state) });

/** From a store that has the first day: every unit goes on from its checkpoint. */
export const openPopulateNext: OpenWorkload = async (name) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    prepare: async (state) => mustRun(populateWords(state, { to: "2024-08-08" }), state),
    words: (state) => populateWords(state),
  });

function registryTable(symbol: string): string {
  return `[symbols.${symbol}]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = 2017-08-17
min_threshold = 1
`;
}

/** The real trades over five days that hold a reset, of two symbols: where they are, and `barkeep populate` of some of them. */
export interface FiveDays {
  readonly symbols: string;
  readonly words: (state: string, ...names: readonly string[]) => string[];
}

export function makeFiveDays(folder: string): FiveDays {
  const symbols = join(folder, "symbols.toml");
  writeFileSync(symbols, `schema_version = 2\n${registryTable("BTCUSDT")}${registryTable("ETHUSDT")}`);
  const archive = join(folder, "archive");
  const [from, to] = [parseDay("2024-08-02"), parseDay("2024-08-06")];
  spreadRealTrades(archive, exampleArchive, ["BTCUSDT", "ETHUSDT"], from, 5);
  const asked = ["--threshold", "2", "--threshold", "5", "--segment", "week", "--start-date", from, "--end-date", to];
  const words = (state: string, ...names: readonly string[]): string[] => {
    const places = ["--archive", archive, "--symbols", symbols, "--state", state];
    return ["populate", ...names.flatMap((name) => ["--symbol", name]), ...asked, ...places];
  };
  return { symbols, words };
}

/** Makes a commit for every day: the clock goes so fast that each day seems to take long. */
export const fastClock = 10_000;

/** Two symbols, a commit for every day. */
export const openPopulateDays: OpenWorkload = async (name, folder) => {
  const { symbols, words } = makeFiveDays(folder);
  return commandWorkload({
    name,
    symbols,
    prepare: makeEmptyStore,
    words: (state) => words(state, "BTCUSDT", "ETHUSDT"),
    clock: fastClock,
  });
};

/** Archives come over HTTP into the mirror. */
export const openPopulateMirror: OpenWorkload = async (name) => {
  const server = new ArchiveServer(exampleArchive);
  const base = await server.start();
  return {
    ...commandWorkload({
      name,
      symbols: exampleSymbols,
      prepare: makeEmptyStore,
      words: (state) => populateWords(state, { archive: base }),
    }),
    close: async () => server[Symbol.asyncDispose](),
  };
};
