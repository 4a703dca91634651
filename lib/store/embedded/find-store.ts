import { setTimeout as delay } from "node:timers/promises";
import { RefusedError } from "../../model/errors.ts";
import { serverClients, type Clients, type ServerAddress } from "../clients.ts";
import { guestHeader } from "../serve/guests.ts";
import { isAlive, readOwner, storeOwned, type Owner } from "./owner.ts";
import { OwnedStore } from "./owned-store.ts";
import { servingOwner } from "./owner-token.ts";

/** The embedded store as this process reaches it: it owns the engine, or works through the process that does. */
export type FoundStore =
  | { readonly own: OwnedStore; readonly owner?: undefined; readonly clients: Clients }
  | { readonly own?: undefined; readonly owner: Owner; readonly clients: Clients };

/**
 * How long an owner may take to say where it serves (it opens the engine and brings the schema up to date), or to end once it
 * has closed its server (statements under way have ten seconds).
 */
const patienceMs = 30_000;
/** From here on it is worth a word. */
const noteAfterMs = 3_000;
const pauseMs = { first: 20, longest: 500 };
const pingMs = 1_000;

/**
 * Finds the owner of a state directory's engine, or becomes it. One of several that come at the same moment does; the others
 * wait until it says where it serves.
 * @param lost the owner that just did not answer: it is waited for, unless it answers again
 * @param note told when this waits for long
 * @throws RefusedError STORE_OWNED naming an owner that serves nobody; what OwnedStore.open and servingOwner throw
 */
export async function findStore(
  stateDirectory: string,
  note: (line: string) => void,
  lost?: Owner,
): Promise<FoundStore> {
  const began = performance.now();
  let isNoted = false;
  for (let pause = pauseMs.first; ; pause = Math.min(2 * pause, pauseMs.longest)) {
    const serving = servingOwner(stateDirectory);
    if (serving !== undefined && (!isSame(serving.owner, lost) || (await answers(serving.address)))) {
      return { owner: serving.owner, clients: guestClients(serving.address) };
    }
    const own = serving === undefined ? await openUnlessOwned(stateDirectory) : undefined;
    if (own !== undefined) return { own, clients: own.clients };
    const waited = performance.now() - began;
    const owner = readOwner(stateDirectory);
    if (waited > patienceMs) throw storeOwned(stateDirectory, owner);
    if (waited > noteAfterMs && !isNoted && owner !== undefined && isAlive(owner)) {
      isNoted = true;
      note(`waiting for process ${owner.pid} (${owner.command}), which opens or closes the store`);
    }
    // Several wait for the same one: not in step.
    await delay(pause * (0.5 + Math.random()));
  }
}

/** @returns undefined where a live process owns the engine */
async function openUnlessOwned(stateDirectory: string): Promise<OwnedStore | undefined> {
  try {
    return await OwnedStore.open(stateDirectory);
  } catch (error) {
    if (error instanceof RefusedError && error.code === "STORE_OWNED") return undefined;
    throw error;
  }
}

function guestClients(address: ServerAddress): Clients {
  return serverClients(address, { [guestHeader]: String(process.pid) });
}

/** The same run of the same process, at the same address. */
function isSame(owner: Owner, other: Owner | undefined): boolean {
  return owner.pid === other?.pid && owner.processStart === other.processStart && owner.url === other.url;
}

async function answers({ url }: ServerAddress): Promise<boolean> {
  try {
    return (await fetch(new URL("/ping", url), { signal: AbortSignal.timeout(pingMs) })).ok;
  } catch {
    return false;
  }
}
