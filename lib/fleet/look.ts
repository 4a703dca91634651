import { detectGuard, type MemoryGuard } from "../queue/memory-guard.ts";
import { parseLabel } from "../queue/label.ts";
import type { QueueSnapshot, QueueTask } from "../queue/queue.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { unitsOf } from "./jobs.ts";

/** A host as it is before jobs are placed. */
export interface HostLook {
  readonly fleetHost: OpenFleetHost;
  readonly guard: MemoryGuard;
  readonly snapshot: QueueSnapshot;
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
  return { fleetHost, guard, snapshot };
}

/** A task of a host that holds a unit: it waits or runs. */
export interface LiveUnit {
  readonly host: string;
  readonly task: QueueTask;
}

/** The units that are in the queues and not done. */
export function liveUnits(looks: readonly HostLook[]): ReadonlyMap<string, LiveUnit> {
  const live = new Map<string, LiveUnit>();
  for (const { fleetHost, snapshot } of looks) {
    for (const task of snapshot.tasks) {
      const label = task.state.kind === "done" ? undefined : parseLabel(task.label);
      for (const unit of label === undefined ? [] : unitsOf(label))
        live.set(unit, { host: fleetHost.entry.name, task });
    }
  }
  return live;
}
