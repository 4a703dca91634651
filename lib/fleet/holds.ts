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
    const others = memory.holds.filter((one) => one.group !== group);
    return { ...memory, holds: [...others, { group, why, reason, since }] };
  });
  await fleetHost.queue.pauseGroup(group);
}

/**
 * Lets a paused group start jobs again. A hold that somebody has made since is another one than those that were seen, and stands. Who holds
 * a group, or drains its host, notes it and then tells the queue: either the note is there once the group is resumed, and it is paused again,
 * or the queue is told after that.
 * @param seen the holds of it by which this was decided: they are over
 * @param mayGo asked of what is remembered now
 * @returns false where it is to stay as it is
 */
export async function letGroupGo(
  fleetHost: OpenFleetHost,
  group: string,
  seen: readonly Hold[],
  mayGo: (memory: HostMemory) => boolean = () => true,
): Promise<boolean> {
  const stays = (memory: HostMemory): boolean =>
    !mayGo(memory) || memory.holds.some((one) => one.group === group && !isAmong(one, seen));
  if (stays(await readHostMemory(fleetHost))) return false;
  await fleetHost.queue.resumeGroup(group);
  const memory = await changeHostMemory(fleetHost, (now) => (stays(now) ? now : withoutHolds(now, seen)));
  if (!stays(memory)) return true;
  await fleetHost.queue.pauseGroup(group);
  return false;
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
  await changeHostMemory(fleetHost, (memory) => withoutHolds(memory, over));
}

/** What is remembered without some of its holds. */
function withoutHolds(memory: HostMemory, over: readonly Hold[]): HostMemory {
  return { ...memory, holds: memory.holds.filter((one) => !isAmong(one, over)) };
}

function isAmong({ group, since }: Hold, holds: readonly Hold[]): boolean {
  return holds.some((one) => one.group === group && one.since === since);
}
