import type { Ledger } from "../ledger/index.ts";
import { isCrowded, shareActions } from "../plan/scaler/share.ts";
import { groupLoads } from "../plan/scaler/group-load.ts";
import { scalerLimits } from "../plan/scaler/limits.ts";
import type { QueuedUnit } from "../plan/scaler/reading.ts";
import { memoryOf } from "./drain-word.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { standingHolds } from "./holds.ts";
import { drainOf } from "./host-memory.ts";
import { runs } from "./live.ts";
import { unattendedLabels } from "./look.ts";
import { carryOut } from "./scale/carry-out.ts";
import { readHostSigns } from "./scale/host-signs.ts";
import { readingOf } from "./scale/reading.ts";

/**
 * Where `jobs_max` is less than one job of each group: gives the places to groups that have work, or are about to get some, and
 * holds the others. Groups that are held for another reason stay so, and none is let go while the host is drained or its memory is short:
 * that is the autoscaler's to decide.
 * @param coming jobs that are about to be queued
 */
export async function sharePlaces(
  fleetHost: OpenFleetHost,
  coming: readonly QueuedUnit[],
  ledger: Ledger,
): Promise<void> {
  const { entry, host, queue } = fleetHost;
  // Slurm has no groups to hold: it places jobs itself.
  if (queue.kind === "slurm") return;
  const memory = await memoryOf(fleetHost, ledger);
  if (drainOf(memory) !== undefined) return;
  const snapshot = await queue.poll();
  const standing = standingHolds(memory, snapshot.groups);
  const holds = new Map([...standing].filter(([, { why }]) => why === "jobs_max"));
  const unattended = await unattendedLabels(fleetHost, snapshot);
  const look = { snapshot, unattended, holds };
  const unmeasured = readingOf(entry, look, noSigns, ledger.clock.wallMs());
  const withComing = { ...unmeasured, queued: [...unmeasured.queued, ...coming] };
  if (holds.size === 0 && !isCrowded(groupLoads(withComing, scalerLimits), entry.jobsMax)) return;
  const running = snapshot.tasks.filter((task) => runs(task, unattended)).map(({ label }) => label);
  const signs = await readHostSigns(host, entry.directory, running);
  const reading = { ...readingOf(entry, look, signs, ledger.clock.wallMs()), queued: withComing.queued };
  const isMemoryShort = [...standing.values()].some(({ why }) => why === "memory");
  await carryOut(fleetHost, { memory, snapshot }, shareActions(reading, !isMemoryShort, scalerLimits), ledger);
}

/** Whether there are fewer places than groups is no matter of the host's load. */
const noSigns = {
  cores: undefined,
  load: undefined,
  memory: undefined,
  pressure: undefined,
  peaks: new Map(),
} as const;
