import { Victim, type Armed, type RunEnd } from "../child.ts";
import type { Workload } from "../workload.ts";

/** A workload that is one command over the embedded store, killed and given again. */
export function commandWorkload(
  workload: Omit<Workload, "run"> & {
    words(state: string): readonly string[];
    /** How many times faster its clock goes. */
    readonly clock?: number;
    readonly env?: Readonly<Record<string, string>>;
  },
): Workload {
  return {
    ...workload,
    run: async (state: string, armed: Armed): Promise<RunEnd> =>
      Victim.start(workload.words(state), state, armed, workload).ended,
  };
}

/** Runs a command that must end well, for a state to begin with. */
export async function mustRun(words: readonly string[], state: string): Promise<void> {
  const end = await Victim.start(words, state).ended;
  if (end.code !== 0) throw new Error(`barkeep ${words.join(" ")}: ${end.stderr}`);
}

/** A store with its tables and nothing in them, for workloads of which the beginning is of no interest. */
export async function makeEmptyStore(state: string): Promise<void> {
  const server = Victim.start(["store", "serve", "--json", "--state", state], state);
  const isServing = await server.hasSaid("}");
  const end = await server.stop();
  if (!isServing || end.code !== 0) throw new Error(`no store could be made: ${end.stderr}`);
}
