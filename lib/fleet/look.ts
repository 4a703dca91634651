import { readEvidence } from "../queue/evidence.ts";
import { detectGuard, type MemoryGuard } from "../queue/memory-guard.ts";
import { parseLabel } from "../queue/label.ts";
import type { QueueSnapshot, QueueTask } from "../queue/queue.ts";
import { mayStillRun } from "../queue/reconcile.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { unitsOf } from "./jobs.ts";
import { isLive, runs } from "./live.ts";

/** A host as it is before jobs are placed. */
export interface HostLook {
  readonly fleetHost: OpenFleetHost;
  readonly guard: MemoryGuard;
  readonly snapshot: QueueSnapshot;
  /** Labels of tasks that the queue calls ended, and that run: its daemon was started anew meanwhile. */
  readonly unattended: ReadonlySet<string>;
}

/**
 * Looks at a host; changes nothing.
 * @param isGuardDeclined RANGEBAR_NO_CGROUP=1
 * @throws what its queue's handshake and its connection throw
 */
export async function lookAt(fleetHost: OpenFleetHost, isGuardDeclined: boolean): Promise<HostLook> {
  const { host, queue } = fleetHost;
  await queue.handshake();
  const [guard, snapshot] = await Promise.all([detectGuard(host, isGuardDeclined), queue.poll()]);
  return { fleetHost, guard, snapshot, unattended: await unattendedLabels(fleetHost, snapshot) };
}

/** Labels of tasks that the queue calls ended, and that run. Asks the host only where the queue is not to be trusted. */
export async function unattendedLabels(
  { host, entry }: OpenFleetHost,
  snapshot: QueueSnapshot,
): Promise<ReadonlySet<string>> {
  const doubtful = snapshot.tasks.filter(({ state }) => mayStillRun(state));
  const labels = doubtful.map(({ label }) => label).filter((label) => parseLabel(label) !== undefined);
  const evidence = await readEvidence(host, entry.directory, labels);
  return new Set(labels.filter((label) => evidence.get(label)?.isAlive === true));
}

/** A task of a host that holds a unit: it waits or runs. */
export interface LiveUnit {
  readonly host: string;
  readonly task: QueueTask;
  readonly state: "waiting" | "running";
}

/** The units that are in the queues and not done. */
export function liveUnits(looks: readonly HostLook[]): ReadonlyMap<string, LiveUnit> {
  const live = new Map<string, LiveUnit>();
  for (const { fleetHost, snapshot, unattended } of looks) {
    for (const task of snapshot.tasks) {
      const label = isLive(task, unattended) ? parseLabel(task.label) : undefined;
      const state = runs(task, unattended) ? "running" : "waiting";
      for (const unit of label === undefined ? [] : unitsOf(label)) {
        live.set(unit, { host: fleetHost.entry.name, task, state });
      }
    }
  }
  return live;
}
