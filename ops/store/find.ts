import { defineCommand, runIfMain } from "../../lib/command/index.ts";
import { describeCandidate } from "../../lib/config/index.ts";
import { searchStore, type StoreSearch } from "../../lib/doctor/store-search.ts";
import { UnavailableError } from "../../lib/model/errors.ts";
import { exitCodes } from "../../lib/model/exit-codes.ts";

function searchLines({ tried, found }: StoreSearch): string[] {
  const lines = tried.map(({ candidate, problem }) => `${describeCandidate(candidate)}: ${problem ?? "answers"}`);
  const schema =
    found.schema === 0 ? "no tables of barkeep's yet, the first populate makes them" : `schema ${found.schema}`;
  return [...lines, `ClickHouse ${found.version}, ${schema}`];
}

const command = defineCommand({
  name: "store find",
  summary: "where a ClickHouse server answers, of the places that the settings name; changes nothing",
  examples: [["", "as RANGEBAR_MODE, RANGEBAR_CH_HOSTS and CLICKHOUSE_URL say: here, directly, through SSH"]],
  handler: async (_args, { settings, print, printJson }) => {
    try {
      const search = await searchStore(settings);
      if (settings.json) {
        const tried = search.tried.map(({ candidate, problem }) => ({ ...candidate, problem: problem ?? null }));
        printJson({ tried, clickhouse: search.found.version, schema: search.found.schema });
      } else searchLines(search).forEach((line) => print(line));
      return exitCodes.ok;
    } catch (error) {
      const isEmbedded = settings.storeMode === "auto" && settings.storeUrl === undefined;
      if (!(error instanceof UnavailableError) || !isEmbedded) throw error;
      const instead = `commands use the embedded engine in ${settings.stateDirectory}, which needs no server`;
      if (settings.json) printJson({ tried: [], clickhouse: null, embedded: settings.stateDirectory });
      else print(`${error.message}\n${instead}`);
      return exitCodes.ok;
    }
  },
});

export default command;
await runIfMain(import.meta, command);
