import { z } from "zod";
import { Failure, RefusedError } from "../model/errors.ts";
import { unitId } from "../model/series.ts";
import { isGone, isThisProcess, thisHolder, type Holder } from "./holder.ts";
import { numberAfter } from "./numbers.ts";
import { unitKey, type BuildKey, type LeaseKey } from "./unit-key.ts";
import type { Store } from "./store.ts";

/** A lease that is not renewed for so long, by the store's clock, may be taken over whoever holds it. */
export const leaseMs = 60_000;
const renewEveryMs = 20_000;
const silentDayMs = 86_400_000;

/** The right to something, and the attempt number that came with it. */
export interface HeldLease extends LeaseKey {
  readonly attempt: bigint;
}

/** The right to write to a build. */
export interface Lease extends BuildKey {
  readonly attempt: bigint;
}

const holderRow = z
  .object({
    attempt: z.string().transform(BigInt),
    released: z.coerce.boolean(),
    host: z.string(),
    pid: z.number(),
    process_start: z.string(),
    command: z.string(),
    since: z.string(),
    age_ms: z.coerce.number(),
    silent_ms: z.coerce.number(),
  })
  .transform((row) => ({
    attempt: row.attempt,
    released: row.released,
    host: row.host,
    pid: row.pid,
    processStart: row.process_start,
    command: row.command,
    /** When it was taken, by the store's clock. */
    since: row.since,
    /** From the taking or renewal that is nearest to now by the store's clock, which may have been set back since. */
    ageMs: row.age_ms,
    /** Since the last of them by the store's clock; below 0 where that was set back. */
    silentMs: row.silent_ms,
  }));

/** What is known of one attempt's lease. */
export type LeaseState = Readonly<z.output<typeof holderRow>>;

/** Every attempt's lease on a build, oldest first. */
export async function leasesOf(store: Store, key: LeaseKey): Promise<LeaseState[]> {
  return store.rows(
    `SELECT attempt, max(event) = 'released' AS released, any(host) AS host, any(pid) AS pid, any(process_start) AS process_start,
  any(command) AS command, toString(min(at)) AS since,
  min(abs(dateDiff('millisecond', l.at, now64(3)))) AS age_ms, dateDiff('millisecond', max(l.at), now64(3)) AS silent_ms
FROM barkeep.leases AS l WHERE ${unitKey(key)} GROUP BY attempt ORDER BY attempt`,
    holderRow,
  );
}

/** May its holder still write? A holder that is known to be gone, or silent for too long, may not. */
export function isLive(lease: LeaseState): boolean {
  return !lease.released && lease.ageMs < leaseMs && !isGone(lease);
}

/** Has its holder ended for certain? Elsewhere that can only be taken for granted after a day without renewal. */
export function hasEnded(lease: LeaseState): boolean {
  return lease.released || isGone(lease) || lease.silentMs > silentDayMs;
}

/**
 * Takes the lease on a build: the attempt number that every row of this writer will carry.
 * @throws RefusedError LEASE_HELD naming the live holder; a lease that this very process holds is taken over, for what it
 *   was doing has ended
 */
export async function takeLease<Key extends LeaseKey>(
  store: Store,
  { series, segment, build }: Key,
): Promise<HeldLease & Pick<Key, "series" | "segment">> {
  const key = { series, segment, build };
  const before = await leasesOf(store, key);
  refuseWhereHeld(key, before);
  const covered = await greatestCovered(store, key);
  const attempt = numberAfter(before.reduce((most, lease) => (lease.attempt > most ? lease.attempt : most), covered));
  const lease = { ...key, attempt };
  await write(store, [lease], "taken");
  // Of two that took it at once the earlier one stays: who sees the other steps back where its own number is the greater.
  const others = (await leasesOf(store, key)).filter((one) => one.attempt < attempt);
  try {
    refuseWhereHeld(key, others);
  } catch (error) {
    await write(store, [lease], "released");
    throw error;
  }
  return lease;
}

/** Gives leases back, so that the next one need not wait. Where the store does not take it, they end by themselves. */
export async function releaseLeases(store: Store, leases: readonly HeldLease[]): Promise<void> {
  if (leases.length === 0) return;
  try {
    await write(store, leases, "released");
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

/**
 * Renews leases while their holder works, until it is stopped. A renewal that fails is not tried at once: if the store stays
 * away, the holder's next commit says so.
 */
export class LeaseKeeper {
  readonly #store: Store;
  readonly #leases: readonly HeldLease[];
  readonly #timer: NodeJS.Timeout;
  #renewing: Promise<void> = Promise.resolve();
  #fault: Error | undefined;

  constructor(store: Store, leases: readonly HeldLease[]) {
    this.#store = store;
    this.#leases = leases;
    this.#timer = setInterval(() => {
      this.#renewing = this.#renew();
    }, renewEveryMs);
    this.#timer.unref();
  }

  /** Stops renewing and gives the leases back. */
  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
    if (this.#fault !== undefined) throw this.#fault;
    await releaseLeases(this.#store, this.#leases);
  }

  async #renew(): Promise<void> {
    try {
      await write(this.#store, this.#leases, "renewed");
    } catch (error) {
      // A bug is met where somebody waits for this keeper.
      if (error instanceof Error && !(error instanceof Failure)) this.#fault = error;
    }
  }
}

const attemptRow = z.object({ attempt: z.string().transform(BigInt) });

/** Leases are forgotten after a time; what was committed under them is not. */
async function greatestCovered(store: Store, key: LeaseKey): Promise<bigint> {
  const [row] = await store.rows(
    `SELECT max(c.attempt) AS attempt FROM barkeep.coverage AS c WHERE ${unitKey(key)}`,
    attemptRow,
  );
  return row?.attempt ?? 0n;
}

function refuseWhereHeld(key: LeaseKey, leases: readonly LeaseState[]): void {
  const held = leases.findLast((lease) => isLive(lease) && !isThisProcess(lease));
  if (held === undefined) return;
  const unit = unitId(key.series, key.segment);
  throw new RefusedError(`${unit} is being written by process ${held.pid} on ${held.host}, since ${held.since} UTC`, {
    code: "LEASE_HELD",
    subject: unit,
    hint: `let it end, or stop it (${held.command}); a holder that is gone is taken over at once, one on another host after ${leaseMs / 1000} s`,
  });
}

async function write(
  store: Store,
  leases: readonly HeldLease[],
  event: "taken" | "renewed" | "released",
): Promise<void> {
  const { host, pid, processStart, command }: Holder = thisHolder();
  await store.insertRows(
    "barkeep.leases (series, segment, build, attempt, event, host, pid, process_start, command)",
    leases.map(({ series, segment, build, attempt }) => ({
      series,
      segment,
      build,
      attempt: attempt.toString(),
      event,
      host,
      pid,
      process_start: processStart,
      command,
    })),
  );
}
