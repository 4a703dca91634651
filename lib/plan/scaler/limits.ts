/** Below: more; above: less; between: leave it. Percent. */
export interface Band {
  readonly floor: number;
  readonly ceiling: number;
}

/** What makes room when memory runs out, the mildest first; each of them where one of the two holds. */
export interface DangerLevel {
  /** `full` of memory, average over 10 s: percent of the time in which nothing could go on for want of memory. */
  readonly stallAbove: number;
  /** Available memory, as a share of all. */
  readonly availableBelow: number;
}

export interface ScalerLimits {
  /** Percent of the time in which some task waited. */
  readonly pressure: { readonly cpu: Band; readonly memory: Band; readonly io: Band };
  /** Where a kernel has no pressure stall information: load average per core, and memory in use. Percent. */
  readonly load: { readonly cpu: Band; readonly memory: Band };
  readonly danger: {
    readonly stopAdmitting: DangerLevel;
    readonly stopYoungest: DangerLevel;
    readonly killYoungest: DangerLevel;
    /** Admission opens again below and above these. */
    readonly over: DangerLevel;
  };
  /** The most tasks of a group where there is no pressure stall information; elsewhere `jobs_max` is the only bound. */
  readonly groupMax: Readonly<Record<string, number>>;
  readonly otherGroupMax: number;
  /** What a task that we did not admit is taken to need. */
  readonly assumedBytes: Readonly<Record<string, number>>;
  readonly otherAssumedBytes: number;
  /** The share of all that runs that a step down keeps: less where memory is short than where cores or disk are. */
  readonly keep: { readonly memory: number; readonly other: number };
  /** For how long as much as was too much is not tried again. */
  readonly ceilingMs: number;
  /** The same where a whole minute was idle since. */
  readonly ceilingIdleMs: number;
  /** How long after a step up the next one may follow. */
  readonly upEveryMs: number;
  /** How long after a step down the next step, up or down, may follow. */
  readonly downEveryMs: number;
  readonly upAfterDownMs: number;
  /** How long the memory of a killed unit is given to show as available. */
  readonly killEveryMs: number;
  /** How long a unit asked to stop at its next commit may take. */
  readonly stopGraceMs: number;
  /** How often to look at a host, and how often while its memory is short. */
  readonly lookEveryMs: number;
  readonly lookInDangerEveryMs: number;
  /** An older reading is none. */
  readonly readingAgeMaxMs: number;
}

const gigabyte = 1e9;

export const scalerLimits: ScalerLimits = {
  pressure: {
    cpu: { floor: 40, ceiling: 80 },
    memory: { floor: 1, ceiling: 10 },
    io: { floor: 40, ceiling: 80 },
  },
  // The defaults of AUTOSCALE_CPU_FLOOR, AUTOSCALE_CPU_CEILING, AUTOSCALE_MEM_FLOOR, AUTOSCALE_MEM_CEILING, AUTOSCALE_GROUP_MAX
  load: { cpu: { floor: 40, ceiling: 80 }, memory: { floor: 60, ceiling: 80 } },
  danger: {
    stopAdmitting: { stallAbove: 5, availableBelow: 0.1 },
    stopYoungest: { stallAbove: 15, availableBelow: 0.06 },
    killYoungest: { stallAbove: 40, availableBelow: 0.03 },
    over: { stallAbove: 1, availableBelow: 0.14 },
  },
  groupMax: { p1: 8, p2: 6, p3: 10 },
  otherGroupMax: 4,
  assumedBytes: { p1: 2 * gigabyte, p2: 8 * gigabyte, p3: 4 * gigabyte },
  otherAssumedBytes: 4 * gigabyte,
  keep: { memory: 0.75, other: 0.9 },
  ceilingMs: 5 * 60_000,
  ceilingIdleMs: 90_000,
  upEveryMs: 10_000,
  downEveryMs: 30_000,
  upAfterDownMs: 60_000,
  killEveryMs: 4000,
  stopGraceMs: 30_000,
  lookEveryMs: 5000,
  lookInDangerEveryMs: 2000,
  readingAgeMaxMs: 60_000,
};

export function groupMaxOf(limits: ScalerLimits, group: string): number {
  return limits.groupMax[group] ?? limits.otherGroupMax;
}

export function assumedBytesOf(limits: ScalerLimits, group: string): number {
  return limits.assumedBytes[group] ?? limits.otherAssumedBytes;
}
