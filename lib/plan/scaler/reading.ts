import type { HostMemory } from "../ledger.ts";
import type { LoadAverage, Memory, Pressure } from "../proc.ts";

/** What one look at a host found. What could not be read is undefined: unknown is not zero. */
export interface HostReading {
  readonly host: string;
  readonly readAtMs: number;
  /** Why the host gives no answer; undefined where it does. */
  readonly lost?: string | undefined;
  readonly cores: number | undefined;
  readonly load: LoadAverage | undefined;
  readonly memory: Memory | undefined;
  /** `none`: a kernel without pressure stall information, where the older limits decide. */
  readonly pressure: HostPressure | "none" | undefined;
  /** What fleet.toml says of the host. */
  readonly budget: HostMemory;
  readonly jobsMax: number;
  /** Nothing is admitted or started there, by an operator's word. */
  readonly isDrained?: boolean;
  /** Undefined where the queue's status could not be read. */
  readonly groups: readonly GroupReading[] | undefined;
  readonly running: readonly RunningUnit[];
  readonly queued: readonly QueuedUnit[];
  /** Queued behind others that have to end well before: nothing to start now, and memory as soon as those have ended. */
  readonly awaiting?: readonly QueuedUnit[];
  /** What the plan would admit here next, first in line first: a wish, which holds no memory yet. */
  readonly waiting: readonly QueuedUnit[];
}

export interface HostPressure {
  readonly cpu: Pressure;
  readonly memory: Pressure;
  readonly io: Pressure;
}

export interface GroupReading {
  readonly name: string;
  /** How many of its tasks may run at once; undefined where it could not be read. */
  readonly parallel: number | "unlimited" | undefined;
  /** `held`: paused by an earlier decision of ours, not by a person or a restart. */
  readonly state: "running" | "held" | "paused" | "resetting" | "unknown";
}

export interface QueuedUnit {
  readonly unit: string;
  readonly group: string;
  /** Its memory limit; undefined for a task that we did not admit. */
  readonly requestBytes: number | undefined;
}

export interface RunningUnit extends QueuedUnit {
  readonly startedAtMs: number;
  /** The most it has used so far. */
  readonly peakBytes: number | undefined;
  /** Live work: never stopped to make room. */
  readonly isLive: boolean;
}
