import { z } from "zod";
import type { Ledger } from "../ledger/index.ts";
import type { QueueGroup } from "../queue/queue.ts";
import { holdSchema, stoppedSchema, type Hold, type HostMemory, type StoppedJob } from "./host-memory.ts";

/** What an older release kept of a host in the ledger; now the host keeps it, and the ledger only what the host could not take. */
export interface OlderNotes {
  readonly holds: readonly Hold[];
  readonly stopped: readonly StoppedJob[];
}

const holdsSchema = z.strictObject({ version: z.literal(1), holds: z.array(holdSchema) });
const stoppedListSchema = z.strictObject({ version: z.literal(1), jobs: z.array(stoppedSchema) });

/** What an older release, or a host that could not keep it, left in the ledger; undefined where there is nothing. */
export function readOlderNotes({ hostNotes }: Ledger, host: string): OlderNotes | undefined {
  const holds = hostNotes.get(host, "holds", holdsSchema)?.holds;
  const stopped = hostNotes.get(host, "stopped", stoppedListSchema)?.jobs;
  return holds === undefined && stopped === undefined ? undefined : { holds: holds ?? [], stopped: stopped ?? [] };
}

/** Keeps a stopped job in the ledger, as older releases did, where the host cannot: it is brought there as theirs are. */
export function keepStopped(ledger: Ledger, host: string, job: StoppedJob): void {
  ledger.transaction(() => {
    const others = (readOlderNotes(ledger, host)?.stopped ?? []).filter((one) => one.job !== job.job);
    ledger.hostNotes.put(host, "stopped", { version: 1, jobs: [...others, job] });
  });
}

/** To be called once the host keeps it, in a transaction. A job that was noted meanwhile, which the host does not know, stays. */
export function forgetOlderNotes(ledger: Ledger, host: string, told: OlderNotes): void {
  const isTold = (job: StoppedJob): boolean => told.stopped.some((one) => JSON.stringify(one) === JSON.stringify(job));
  const left = (readOlderNotes(ledger, host)?.stopped ?? []).filter((job) => !isTold(job));
  ledger.hostNotes.remove(host, "holds");
  if (left.length === 0) ledger.hostNotes.remove(host, "stopped");
  else ledger.hostNotes.put(host, "stopped", { version: 1, jobs: left });
}

/**
 * What is remembered of a host with what an older release had noted of it. What the host remembers itself is newer.
 * @param groups as the queue has them: one that is not paused any more was let go by a person
 */
export function withOlderNotes(memory: HostMemory, older: OlderNotes, groups: readonly QueueGroup[]): HostMemory {
  const paused = new Set(groups.filter(({ status }) => status === "paused").map(({ name }) => name));
  const held = new Set(memory.holds.map(({ group }) => group));
  const stopped = new Set(memory.stopped.map(({ job }) => job));
  return {
    ...memory,
    holds: [...memory.holds, ...older.holds.filter(({ group }) => paused.has(group) && !held.has(group))],
    stopped: [...memory.stopped, ...older.stopped.filter(({ job }) => !stopped.has(job))],
  };
}
