import type { Ledger } from "../ledger/index.ts";
import type { QueueGroup } from "../queue/queue.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { readHolds, writeHolds, type Hold } from "./host-memory.ts";

/** Keeps a group from starting jobs, in barkeep's own name: what runs goes on. The note is there before the queue is told. */
export async function holdGroup(
  { queue, entry }: OpenFleetHost,
  ledger: Ledger,
  { group, why, reason }: Omit<Hold, "since">,
): Promise<void> {
  const since = new Date(ledger.clock.wallMs()).toISOString();
  ledger.transaction(() => {
    ledger.journal.record("group.holding", group, { host: entry.name, why, reason });
    writeHolds(ledger, entry.name, [...without(readHolds(ledger, entry.name), group), { group, why, reason, since }]);
  });
  await queue.pauseGroup(group);
}

/** Lets a group that is held start jobs again. */
export async function letGroupGo(
  { queue, entry }: OpenFleetHost,
  ledger: Ledger,
  group: string,
  reason: string,
): Promise<void> {
  ledger.journal.record("group.letting-go", group, { host: entry.name, reason });
  await queue.resumeGroup(group);
  writeHolds(ledger, entry.name, without(readHolds(ledger, entry.name), group));
}

/** The holds of groups that the queue calls paused. One that it does not was let go by a person. */
export function standingHolds(ledger: Ledger, host: string, groups: readonly QueueGroup[]): ReadonlyMap<string, Hold> {
  const paused = new Set(groups.filter(({ status }) => status === "paused").map(({ name }) => name));
  return new Map(
    readHolds(ledger, host)
      .filter(({ group }) => paused.has(group))
      .map((hold) => [hold.group, hold]),
  );
}

function without(holds: readonly Hold[], group: string): Hold[] {
  return holds.filter((one) => one.group !== group);
}
