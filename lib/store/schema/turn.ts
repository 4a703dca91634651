import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../../model/errors.ts";
import { isThisProcess } from "../holder.ts";
import { isLive, LeaseKeeper, leasesOf, takeLease, type HeldLease } from "../leases.ts";
import type { Store } from "../store.ts";
import type { LeaseKey } from "../unit-key.ts";

const askAgainMs = 100;

/**
 * Runs what must not run twice at once for a version of the schema, as soon as no other process does. Of two that ask at the
 * same moment, each has written its lease before it looks for others, so one of them at least sees the other: nobody goes on
 * beside a lease that it sees.
 */
export async function inTurn(store: Store, version: number, work: () => Promise<void>): Promise<void> {
  const key = { series: "schema", segment: `version ${version}`, build: 0 };
  for (;;) {
    const lease = await leaseWhenFree(store, key);
    const keeper = new LeaseKeeper(store, [lease]);
    try {
      if (!(await isHeldBesides(store, lease))) return await work();
    } finally {
      await keeper.release();
    }
    // Each of two has seen the other: both step back, and not in step.
    await delay(askAgainMs * (1 + 4 * Math.random()));
  }
}

async function leaseWhenFree(store: Store, key: LeaseKey): Promise<HeldLease> {
  for (;;) {
    try {
      return await takeLease(store, key);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "LEASE_HELD") throw error;
      await delay(askAgainMs);
    }
  }
}

/** What this very process was doing under an earlier lease has ended. */
async function isHeldBesides(store: Store, own: HeldLease): Promise<boolean> {
  return (await leasesOf(store, own)).some((one) => isLive(one) && !isThisProcess(one));
}
