import { assumedBytesOf, type ScalerLimits } from "./limits.ts";
import type { GroupReading, HostReading } from "./reading.ts";

/** A group with what its tasks have been promised. */
export interface GroupLoad extends GroupReading {
  readonly runningUnits: readonly string[];
  readonly runningBytes: readonly number[];
  /** What the queue may start now, largest first. */
  readonly queuedBytes: readonly number[];
  /** What it may start once others have ended well. */
  readonly awaitingBytes: readonly number[];
  /** First in line first. */
  readonly waitingBytes: readonly number[];
}

/** The groups of a host, also those whose tasks are there while the queue does not list them; these are unknown. */
export function groupLoads(reading: HostReading, limits: ScalerLimits): GroupLoad[] {
  const requestOf = ({ group, requestBytes }: { group: string; requestBytes: number | undefined }): number =>
    requestBytes ?? assumedBytesOf(limits, group);
  const groups = new Map((reading.groups ?? []).map((group) => [group.name, group]));
  const awaiting = reading.awaiting ?? [];
  for (const { group: name } of [...reading.running, ...reading.queued, ...awaiting]) {
    if (!groups.has(name)) groups.set(name, { name, parallel: undefined, state: "unknown" });
  }
  return [...groups.values()].map(({ name, parallel, state }) => {
    const isHere = ({ group }: { group: string }): boolean => group === name;
    const running = reading.running.filter(isHere);
    return {
      name,
      parallel,
      state,
      runningUnits: running.map(({ unit }) => unit),
      runningBytes: running.map(requestOf),
      queuedBytes: reading.queued
        .filter(isHere)
        .map(requestOf)
        .sort((a, b) => b - a),
      awaitingBytes: awaiting.filter(isHere).map(requestOf),
      waitingBytes: reading.waiting.filter(isHere).map(requestOf),
    };
  });
}

/** A group that may be acted on. */
export interface OpenGroup extends GroupLoad {
  readonly parallel: number;
}

export function openGroups(loads: readonly GroupLoad[]): OpenGroup[] {
  return loads.filter(isOpen);
}

function isOpen(load: GroupLoad): load is OpenGroup {
  return untouchable(load) === undefined;
}

/** Why a group is left as it is whatever the host says; undefined where it may be acted on. */
export function untouchable({ state, parallel }: GroupReading): string | undefined {
  if (state === "held") return "held: it starts nothing until there is room";
  if (state === "paused") return "paused: somebody or a restart stopped it; resume it first";
  if (state !== "running") return `its state is ${state}`;
  if (parallel === undefined) return "its parallel cannot be read";
  // The queue's own word for "without limit" is 0.
  const isLimited = parallel !== "unlimited" && parallel > 0;
  return isLimited ? undefined : "it has no limit: the queue places jobs itself, or somebody took its limit away";
}

/** Tasks that run at once when the queue starts all that a parallel allows. What runs is not ended by a smaller one. */
export function tasksAt({ runningBytes, queuedBytes, awaitingBytes }: GroupLoad, parallel: number): number {
  const queued = queuedBytes.length + awaitingBytes.length;
  return Math.max(runningBytes.length, Math.min(parallel, runningBytes.length + queued));
}

/**
 * The most that a group can come to hold with a parallel: what runs, and the largest of what the queue may start, which is before the next
 * look what waits for others too.
 */
export function bytesAt(load: GroupLoad, parallel: number): number {
  const starts = tasksAt(load, parallel) - load.runningBytes.length;
  const largestFirst = [...load.queuedBytes, ...load.awaitingBytes].sort((a, b) => b - a);
  return sum(load.runningBytes) + sum(largestFirst.slice(0, starts));
}

/** The same with the parallel that the group has. Where that is unknown, all that is queued may start. */
export function bytesNow(load: GroupLoad): number {
  return bytesAt(load, limitOf(load));
}

export function tasksNow(load: GroupLoad): number {
  return tasksAt(load, limitOf(load));
}

function limitOf({ parallel, state }: GroupLoad): number {
  if (state === "held") return 0;
  return typeof parallel === "number" && parallel > 0 ? parallel : Number.POSITIVE_INFINITY;
}

/** The places of `jobs_max` that a group takes: all that it may start at once, whether it has work for them or not. */
export function placesOf(load: GroupLoad): number {
  return Math.max(isOpen(load) ? load.parallel : 0, load.runningBytes.length);
}

/** Has it nothing that could be started? What waits for others has no use for a place that they may need. */
export function isIdle({ queuedBytes, waitingBytes }: GroupLoad): boolean {
  return queuedBytes.length === 0 && waitingBytes.length === 0;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
