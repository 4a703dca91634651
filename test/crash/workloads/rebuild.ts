import { join } from "node:path";
import { Victim } from "../child.ts";
import type { OpenWorkload } from "../workload.ts";
import { commandWorkload, mustRun } from "./command.ts";
import { exampleArchive, exampleSymbols, populateWords } from "./populate.ts";

const places = (state: string): string[] => ["--symbols", exampleSymbols, "--state", state];
const rebuildWords = (state: string, ...words: readonly string[]): string[] => [
  "rebuild",
  ...words,
  "--archive",
  exampleArchive,
  ...places(state),
];

/** Every unit made anew because somebody asks for it: readers see the same bars before, between and after. */
export const openRebuild: OpenWorkload = async (name) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    showsOldOrNew: true,
    prepare: async (state) => mustRun(populateWords(state), state),
    words: (state) => rebuildWords(state, "BTCUSDT@2:2024", "BTCUSDT@5:2024", "--reason", "test"),
  });

/** A store that begins at the second day. */
async function makeLateStore(state: string): Promise<void> {
  await mustRun(populateWords(state, { from: "2024-08-09" }), state);
}

/** Units that get a day in front: readers see each as it was, or as it will be. */
export const openRebuildEarlier: OpenWorkload = async (name) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    showsOldOrNew: true,
    prepare: makeLateStore,
    words: (state) => rebuildWords(state, "all", "--start-date", "2024-08-08", "--reason", "earlier days"),
  });

/** The pointer goes back. Given again after it has gone, the command says that there is nothing to take back. */
export const openUndo: OpenWorkload = async (name) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    showsOldOrNew: true,
    prepare: async (state) => {
      await makeLateStore(state);
      await mustRun(rebuildWords(state, "all", "--start-date", "2024-08-08", "--reason", "earlier days"), state);
    },
    words: (state) => ["undo", "BTCUSDT@5:2024#2", ...places(state)],
    isGoodEnd: ({ code, stderr }) => code === 0 || (code === 3 && stderr.includes("NOT_PUBLISHED")),
  });

/** Builds that were replaced are dropped, and rows swept that a killed run left. */
export const openGc: OpenWorkload = async (name, folder) =>
  commandWorkload({
    name,
    symbols: exampleSymbols,
    prepare: async (state) => {
      await mustRun(populateWords(state, { to: "2024-08-08" }), state);
      await mustRun(rebuildWords(state, "BTCUSDT@2", "BTCUSDT@5", "--reason", "test"), state);
      const traceFile = join(folder, "leftovers.tsv");
      const kill = { kind: "name", name: "before insert barkeep.coverage" } as const;
      const end = await Victim.start(populateWords(state), state, { kill, traceFile }).ended;
      if (!end.killed) throw new Error("nothing was left to be swept");
      await mustRun(populateWords(state), state);
    },
    words: (state) => ["gc", ...places(state)],
    env: { BARKEEP_UNDO_DAYS: "0" },
  });
