import type { FleetHost } from "../../config/index.ts";
import { isWorkGroup } from "../../model/groups.ts";
import type { GroupReading, HostReading, QueuedUnit, RunningUnit } from "../../plan/scaler/reading.ts";
import { jobNameText, parseLabel } from "../../queue/label.ts";
import type { QueueSnapshot, QueueTask } from "../../queue/queue.ts";
import type { Hold, HostMemory } from "../host-memory.ts";
import { isInHand, isLive, runs } from "../live.ts";
import { hostLimitBytes } from "../placement.ts";
import type { HostSigns } from "./host-signs.ts";

/** What one look at a host's queue found. */
export interface QueueLook {
  /** As it was before the queue was asked. */
  readonly memory: HostMemory;
  readonly snapshot: QueueSnapshot;
  /** See `HostLook`. */
  readonly unattended: ReadonlySet<string>;
  /** By group, those that stand. */
  readonly holds: ReadonlyMap<string, Hold>;
}

/** What is known of a host about which nothing can be asked. @param lost why; undefined where only its queue cannot be read */
export function blindReading(entry: FleetHost, readAtMs: number, lost: string | undefined): HostReading {
  return {
    ...settingsOf(entry),
    readAtMs,
    lost,
    cores: undefined,
    load: undefined,
    memory: undefined,
    pressure: undefined,
    groups: undefined,
    running: [],
    queued: [],
    waiting: [],
  };
}

/** A look at a host as the scaler reads it. */
export function readingOf(
  entry: FleetHost,
  look: Omit<QueueLook, "memory">,
  signs: HostSigns,
  readAtMs: number,
): HostReading {
  const { snapshot, unattended } = look;
  const running = snapshot.tasks.filter((task) => runs(task, unattended));
  const queued = snapshot.tasks.filter(({ state }) => state.kind === "queued");
  const { cores, load, memory, pressure, peaks } = signs;
  return {
    ...settingsOf(entry),
    readAtMs,
    cores,
    load,
    memory,
    pressure,
    groups: groupsOf(look),
    running: running.map((task): RunningUnit => {
      const startedAtMs = "startedAt" in task.state ? Date.parse(task.state.startedAt ?? task.createdAt) : readAtMs;
      // What is not ours, and what the queue has lost sight of, cannot be stopped and queued again.
      const isOthers = parseLabel(task.label) === undefined || !isInHand(task);
      return Object.assign(unitOf(task), { startedAtMs, peakBytes: peaks.get(task.label), isLive: isOthers });
    }),
    queued: queued.filter(({ awaits }) => awaits === undefined).map(unitOf),
    awaiting: queued.filter(({ awaits }) => awaits !== undefined).map(unitOf),
    // Whatever a plan has admitted is in the queue.
    waiting: [],
  };
}

/** A unit's name in decisions: the job's, whatever its attempt; a task of others stands for itself. */
export function unitOf({ label, number, group, memoryBytes }: QueueTask): QueuedUnit {
  const parsed = parseLabel(label);
  return { unit: parsed === undefined ? `task ${number}` : jobNameText(parsed), group, requestBytes: memoryBytes };
}

function settingsOf(entry: FleetHost): Pick<HostReading, "host" | "budget" | "jobsMax"> {
  return {
    host: entry.name,
    budget: { memoryBytes: hostLimitBytes(entry), reserveBytes: 0 },
    jobsMax: entry.jobsMax,
  };
}

/** Ours, and those of others that have something to do. */
function groupsOf({ snapshot: { groups, tasks }, unattended, holds }: Omit<QueueLook, "memory">): GroupReading[] {
  const isBusy = (name: string): boolean => tasks.some((task) => task.group === name && isLive(task, unattended));
  return groups
    .filter(({ name }) => isWorkGroup(name) || isBusy(name))
    .map(({ name, parallel, status }) => ({ name, parallel, state: holds.has(name) ? "held" : status }));
}
