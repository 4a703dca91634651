import { Victim, type Armed, type RunEnd } from "../child.ts";
import type { OpenWorkload } from "../workload.ts";
import { exampleSymbols, populateWords } from "./populate.ts";

const serve = (state: string): string[] => ["store", "serve", "--json", "--state", state];

/** The last line of what a server says once it serves. */
const ready = "}";

/** The store's owner is killed while another process fills the store through it. */
export const openServedOwner: OpenWorkload = async (name) => ({
  name,
  symbols: exampleSymbols,
  run: async (state, armed) => {
    const server = Victim.start(serve(state), state, armed);
    if (!(await server.hasSaid(ready))) return server.ended;
    const worker = await Victim.start(populateWords(state), state).ended;
    const end = await server.stop();
    if (!end.killed) {
      return { ...end, code: worker.code === 0 ? end.code : worker.code, stderr: worker.stderr + end.stderr };
    }
    // Who loses the owner goes on with the next one, or becomes it.
    if (worker.code === 0) return end;
    throw new Error(`the worker of a killed owner ended with ${worker.code}: ${worker.stderr}`);
  },
});

/**
 * A worker is killed that fills the store through its owner, which goes on: what the dead one sent may land when the next one
 * has begun.
 */
export const openServedWorker: OpenWorkload = async (name) => {
  const servers = new Map<string, Victim>();
  const run = async (state: string, armed: Armed): Promise<RunEnd> => {
    const server = servers.get(state) ?? Victim.start(serve(state), state);
    servers.set(state, server);
    if (!(await server.hasSaid(ready))) throw new Error(`the owner ended: ${(await server.ended).stderr}`);
    return Victim.start(populateWords(state), state, armed).ended;
  };
  const settle = async (state: string): Promise<void> => {
    const server = servers.get(state);
    servers.delete(state);
    const end = await server?.stop();
    if (end !== undefined && end.code !== 0) throw new Error(`the owner ended with ${end.code}: ${end.stderr}`);
  };
  return {
    name,
    symbols: exampleSymbols,
    run,
    settle,
    close: async () => {
      for (const state of servers.keys()) await settle(state);
    },
  };
};
