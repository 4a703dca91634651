import { z } from "zod";
import type { Ledger } from "../ledger/index.ts";
import { initialState, type ScalerState } from "../plan/scaler/decision.ts";

const holdSchema = z.strictObject({
  group: z.string(),
  why: z.enum(["drained", "memory", "jobs_max"]),
  reason: z.string(),
  since: z.iso.datetime(),
});
/** A group of a host's queue that barkeep itself keeps from starting jobs. */
export type Hold = Readonly<z.infer<typeof holdSchema>>;
const holdsSchema = z.strictObject({ version: z.literal(1), holds: z.array(holdSchema) });

/** Groups that barkeep holds on a host. A group of these that the queue does not call paused was let go by a person. */
export function readHolds({ hostNotes }: Ledger, host: string): readonly Hold[] {
  return hostNotes.get(host, "holds", holdsSchema)?.holds ?? [];
}

export function writeHolds({ hostNotes }: Ledger, host: string, holds: readonly Hold[]): void {
  hostNotes.put(host, "holds", { version: 1, holds });
}

const drainSchema = z.strictObject({ version: z.literal(1), since: z.iso.datetime() });
/** A host to which nothing is admitted. */
export type Drain = Readonly<z.infer<typeof drainSchema>>;

/** Since when a host is drained; undefined where it is not. */
export function readDrain({ hostNotes }: Ledger, host: string): Drain | undefined {
  return hostNotes.get(host, "drained", drainSchema);
}

export function writeDrain({ hostNotes }: Ledger, host: string, drain: Drain | undefined): void {
  if (drain === undefined) hostNotes.remove(host, "drained");
  else hostNotes.put(host, "drained", drain);
}

const stoppedSchema = z.strictObject({
  /** `BTCUSDT@250:2024` */
  job: z.string(),
  label: z.string(),
  createdAt: z.string(),
  how: z.enum(["stop at commit", "kill"]),
  /** Since when it has been waiting for its turn, before it was stopped the first time. */
  waitingSinceMs: z.number(),
});
/** A job that was stopped to make room, until it has ended well. */
export type StoppedJob = Readonly<z.infer<typeof stoppedSchema>>;
const stoppedListSchema = z.strictObject({ version: z.literal(1), jobs: z.array(stoppedSchema) });

export function readStopped({ hostNotes }: Ledger, host: string): readonly StoppedJob[] {
  return hostNotes.get(host, "stopped", stoppedListSchema)?.jobs ?? [];
}

export function writeStopped({ hostNotes }: Ledger, host: string, jobs: readonly StoppedJob[]): void {
  hostNotes.put(host, "stopped", { version: 1, jobs });
}

const stateSchema = z.strictObject({
  version: z.literal(1),
  isAdmitting: z.boolean(),
  upAtMs: z.number().optional(),
  downAtMs: z.number().optional(),
  killedAtMs: z.number().optional(),
  ceiling: z.strictObject({ tasks: z.number(), seenAtMs: z.number() }).optional(),
  stops: z.array(z.strictObject({ unit: z.string(), askedAtMs: z.number() })),
});

/** What the last decision about a host left to be remembered, whichever run made it. */
export function readScalerState({ hostNotes }: Ledger, host: string): ScalerState {
  const found = hostNotes.get(host, "scaler", stateSchema);
  if (found === undefined) return initialState;
  const { isAdmitting, upAtMs, downAtMs, killedAtMs, ceiling, stops } = found;
  return { isAdmitting, upAtMs, downAtMs, killedAtMs, ceiling, stops };
}

export function writeScalerState({ hostNotes }: Ledger, host: string, state: ScalerState): void {
  hostNotes.put(host, "scaler", { version: 1, ...state });
}
