import type { Ledger } from "../ledger/index.ts";
import type { QueueGroup } from "../queue/queue.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { changeHostMemory, type Hold, type HostMemory } from "./host-memory.ts";

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

/** Lets a group that is held start jobs again. */
export async function letGroupGo(
  fleetHost: OpenFleetHost,
  ledger: Ledger,
  group: string,
  reason: string,
): Promise<void> {
  ledger.journal.record("group.letting-go", group, { host: fleetHost.entry.name, reason });
  await fleetHost.queue.resumeGroup(group);
  await changeHostMemory(fleetHost, (memory) => withoutHolds(memory, (one) => one.group === group));
}

/**
 * The holds of groups that the queue calls paused. One that it does not was let go by a person.
 * @param memory read before the queue was asked: a hold is noted before its group is paused
 */
export function standingHolds({ holds }: HostMemory, groups: readonly QueueGroup[]): ReadonlyMap<string, Hold> {
  const paused = new Set(groups.filter(({ status }) => status === "paused").map(({ name }) => name));
  return new Map(holds.filter(({ group }) => paused.has(group)).map((hold) => [hold.group, hold]));
}

/** What is remembered without some of its holds. */
export function withoutHolds(memory: HostMemory, isOver: (hold: Hold) => boolean): HostMemory {
  return { ...memory, holds: memory.holds.filter((one) => !isOver(one)) };
}
