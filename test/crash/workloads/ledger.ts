import { rmSync } from "node:fs";
import { join } from "node:path";
import type { OpenWorkload } from "../workload.ts";
import { commandWorkload, mustRun } from "./command.ts";
import { exampleSymbols, populateWords } from "./populate.ts";

/** A store with a ledger that has not seen it yet. */
async function makeFilledStore(state: string): Promise<void> {
  await mustRun(populateWords(state), state);
  for (const end of ["", "-wal", "-shm"]) rmSync(join(state, `ledger.sqlite${end}`), { force: true });
}

/** The ledger is made and the store mirrored into it. */
export const openLedgerSync: OpenWorkload = async (name) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    prepare: makeFilledStore,
    words: (state) => ["ledger", "sync", "--state", state],
  });

/** A ledger that knows the store is made anew beside the old one, which is moved aside. */
export const openLedgerRebuild: OpenWorkload = async (name) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    prepare: async (state) => {
      await mustRun(populateWords(state), state);
      await mustRun(["ledger", "sync", "--state", state], state);
    },
    words: (state) => ["ledger", "rebuild", "--state", state],
  });
