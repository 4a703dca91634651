import { rmSync } from "node:fs";
import { runProgram } from "../child.ts";
import type { OpenWorkload } from "../workload.ts";
import { commandWorkload, mustRun } from "./command.ts";
import { exampleSymbols, populateWords } from "./populate.ts";

/** A store of the schema's first version with bars in it, which the next command to open it brings up to date. */
export const openMigrate: OpenWorkload = async (name, folder) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    prepare: async (state) => {
      const filled = `${folder}/filled`;
      await mustRun(populateWords(filled), filled);
      await runProgram("old-store.ts", ["--from", filled, "--to", state]);
      rmSync(filled, { recursive: true });
    },
    words: (state) => ["status", "--state", state, "--symbols", exampleSymbols],
  });
