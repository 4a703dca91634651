import type { Ledger } from "../ledger/index.ts";
import { isCrowded, shareActions } from "../plan/scaler/share.ts";
import { groupLoads } from "../plan/scaler/group-load.ts";
import { scalerLimits } from "../plan/scaler/limits.ts";
import type { QueuedUnit } from "../plan/scaler/reading.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { memoryOf } from "./drain-word.ts";
import { standingHolds } from "./holds.ts";
import { carryOut } from "./scale/carry-out.ts";
import { readingOf } from "./scale/reading.ts";

/**
 * Where `jobs_max` is less than one job of each group: gives the places to groups that have work, or are about to get some, and
 * holds the others. Groups that are held for another reason stay so.
 * @param coming jobs that are about to be queued
 */
export async function sharePlaces(
  fleetHost: OpenFleetHost,
  coming: readonly QueuedUnit[],
  ledger: Ledger,
): Promise<void> {
  const { entry, queue } = fleetHost;
  // Slurm has no groups to hold: it places jobs itself.
  if (queue.kind === "slurm") return;
  const memory = await memoryOf(fleetHost, ledger);
  const snapshot = await queue.poll();
  const holds = new Map([...standingHolds(memory, snapshot.groups)].filter(([, { why }]) => why === "jobs_max"));
  const look = readingOf(entry, { snapshot, unattended: new Set(), holds }, noSigns, ledger.clock.wallMs());
  const reading = { ...look, queued: [...look.queued, ...coming] };
  if (holds.size === 0 && !isCrowded(groupLoads(reading, scalerLimits), entry.jobsMax)) return;
  await carryOut(fleetHost, snapshot, shareActions(reading, scalerLimits), ledger);
}

/** The host itself is not asked: how much it runs is the autoscaler's to decide. */
const noSigns = {
  cores: undefined,
  load: undefined,
  memory: undefined,
  pressure: undefined,
  peaks: new Map(),
} as const;
