import type { Ledger } from "../ledger/index.ts";
import type { GroupSetup } from "../queue/groups.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { groupSetups } from "./groups.ts";
import { letGroupGo, standingHolds } from "./holds.ts";
import { readHostMemory } from "./host-memory.ts";
import { sharePlaces } from "./share-places.ts";

/** A group's number of jobs at a time, before and after; undefined where it was not there. */
export interface GroupChange extends GroupSetup {
  readonly before: number | "unlimited" | undefined;
  /** Why it starts no jobs for now; undefined where it does. */
  readonly held: string | undefined;
}

/** Makes a host's groups and sets how many jobs each runs at a time, within `jobs_max`: where that is less than one of each, some are held. */
export async function setUpGroups(fleetHost: OpenFleetHost, ledger: Ledger, isPlan: boolean): Promise<GroupChange[]> {
  const { queue, entry } = fleetHost;
  await queue.handshake();
  const { groups } = await queue.poll();
  const wanted = groupSetups(entry);
  const changes = wanted.map(({ name, parallel }) => {
    return { name, parallel, before: groups.find((group) => group.name === name)?.parallel };
  });
  const differing = changes.filter(({ before, parallel }) => before !== parallel);
  if (!isPlan && differing.length > 0) await setParallels(fleetHost, wanted, differing, ledger);
  if (!isPlan) await sharePlaces(fleetHost, [], ledger);
  const holds = standingHolds(await readHostMemory(fleetHost), (await queue.poll()).groups);
  return changes.map((change) => Object.assign(change, { held: holds.get(change.name)?.reason }));
}

async function setParallels(
  { queue, entry }: OpenFleetHost,
  wanted: readonly GroupSetup[],
  differing: readonly Omit<GroupChange, "held">[],
  ledger: Ledger,
): Promise<void> {
  ledger.transaction(() => {
    for (const { name, parallel, before } of differing) {
      ledger.journal.record("group.setting", name, { host: entry.name, before: before ?? null, parallel });
    }
  });
  await queue.ensureGroups(wanted);
}

/**
 * Lets paused groups start jobs again.
 * @param names all that are paused where there is none, but for those that barkeep itself holds
 * @returns those that were paused; one that is held anew meanwhile is not among them
 */
export async function resumeGroups(
  fleetHost: OpenFleetHost,
  names: readonly string[],
  ledger: Ledger,
  isPlan: boolean,
): Promise<string[]> {
  const { queue, entry } = fleetHost;
  const { groups } = await queue.poll();
  // Behind the queue: the hold of a group that is seen paused is there, and the group is not taken for one that somebody else has paused.
  const { holds } = await readHostMemory(fleetHost);
  const isHeld = (name: string): boolean => holds.some(({ group }) => group === name);
  const paused = groups
    .filter(({ name, status }) => status === "paused" && (names.length === 0 ? !isHeld(name) : names.includes(name)))
    .map(({ name }) => name);
  if (isPlan) return paused;
  const resumed: string[] = [];
  for (const name of paused) {
    ledger.journal.record("group.resuming", name, { host: entry.name });
    const seen = holds.filter(({ group }) => group === name);
    if (await letGroupGo(fleetHost, name, seen)) resumed.push(name);
  }
  return resumed;
}
