import type { Ledger } from "../ledger/index.ts";
import type { QueueGroup } from "../queue/queue.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { changeHostMemory, readHostMemory, type Hold, type HostMemory } from "./host-memory.ts";

/** Keeps a group from starting jobs, in barkeep's own name: what runs goes on. The note is there before the queue is told. */
export async function holdGroup(
  fleetHost: OpenFleetHost,
  ledger: Ledger,
  { group, why, reason }: Omit<Hold, "since">,
): Promise<void> {
  const since = new Date(ledger.clock.wallMs()).toISOString();
  ledger.journal.record("group.holding", group, { host: fleetHost.entry.name, why, reason });
  await changeHostMemory(fleetHost, (memory) => {
    const { holds } = withoutHolds(memory, (one) => one.group === group);
    return { ...memory, holds: [...holds, { group, why, reason, since }] };
  });
  await fleetHost.queue.pauseGroup(group);
}

/** Lets a group that is held start jobs again. A hold that somebody else makes meanwhile is another one, and stays. */
export async function letGroupGo(
  fleetHost: OpenFleetHost,
  ledger: Ledger,
  group: string,
  reason: string,
): Promise<void> {
  ledger.journal.record("group.letting-go", group, { host: fleetHost.entry.name, reason });
  const before = (await readHostMemory(fleetHost)).holds.filter((one) => one.group === group);
  await fleetHost.queue.resumeGroup(group);
  await forgetHolds(fleetHost, before);
}

/**
 * The holds of groups that the queue calls paused. One that it does not was let go by a person.
 * @param memory where something is decided by it, read before the queue was asked: a group is resumed before its hold is forgotten
 */
export function standingHolds({ holds }: HostMemory, groups: readonly QueueGroup[]): ReadonlyMap<string, Hold> {
  const paused = new Set(groups.filter(({ status }) => status === "paused").map(({ name }) => name));
  return new Map(holds.filter(({ group }) => paused.has(group)).map((hold) => [hold.group, hold]));
}

/** Forgets exactly these holds: one that was made of the same group since is another one. */
export async function forgetHolds(fleetHost: OpenFleetHost, over: readonly Hold[]): Promise<void> {
  if (over.length === 0) return;
  await changeHostMemory(fleetHost, (memory) =>
    withoutHolds(memory, (one) => over.some(({ group, since }) => one.group === group && one.since === since)),
  );
}

/** What is remembered without some of its holds. */
function withoutHolds(memory: HostMemory, isOver: (hold: Hold) => boolean): HostMemory {
  return { ...memory, holds: memory.holds.filter((one) => !isOver(one)) };
}
