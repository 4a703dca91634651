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

/** Two symbols over a reset, with a commit for every day: the clock goes so fast that each seems to take long. */
export const openPopulateDays: OpenWorkload = async (name, folder) => {
  const symbols = join(folder, "symbols.toml");
  writeFileSync(symbols, `schema_version = 2\n${registryTable("BTCUSDT")}${registryTable("ETHUSDT")}`);
  const archive = join(folder, "archive");
  const [from, to] = [parseDay("2024-08-02"), parseDay("2024-08-06")];
  spreadRealTrades(archive, exampleArchive, ["BTCUSDT", "ETHUSDT"], from, 5);
  const asked = [
    "--symbol",
    "BTCUSDT",
    "--symbol",
    "ETHUSDT",
    "--threshold",
    "2",
    "--threshold",
    "5",
    "--segment",
    "week",
  ];
  const words = [
    "populate",
    ...asked,
    "--start-date",
    from,
    "--end-date",
    to,
    "--archive",
    archive,
    "--symbols",
    symbols,
  ];
  return commandWorkload({
    name,
    symbols,
    prepare: makeEmptyStore,
    words: (state) => [...words, "--state", state],
    clock: 10_000,
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
