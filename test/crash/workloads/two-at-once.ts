import { setTimeout as sleep } from "node:timers/promises";
import { readOwner } from "../../../lib/store/embedded/owner.ts";
import { Victim } from "../child.ts";
import type { OpenWorkload } from "../workload.ts";
import { makeEmptyStore } from "./command.ts";
import { fastClock, makeFiveDays } from "./populate.ts";

/** Two processes fill one embedded store, a symbol each; the one that owns the engine is killed, and the other goes on. */
export const openTwoAtOnce: OpenWorkload = async (name, folder) => {
  const { symbols, words } = makeFiveDays(folder);
  return {
    name,
    symbols,
    prepare: makeEmptyStore,
    run: async (state, armed) => {
      const owner = Victim.start(words(state, "BTCUSDT"), state, armed, { clock: fastClock });
      while (owner.isRunning && readOwner(state)?.url === undefined) await sleep(5);
      const guest = await Victim.start(words(state, "ETHUSDT"), state).ended;
      if (guest.code === 0) return owner.ended;
      owner.child.kill("SIGKILL");
      throw new Error(`the other process ended with ${guest.code}: ${guest.stderr}`);
    },
  };
};
