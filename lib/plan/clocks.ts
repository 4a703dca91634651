import { formatSeconds } from "../model/format.ts";

/** The four clocks of a job. */
export interface ClockLimits {
  /** Admitted, and not begun. */
  readonly queuedMs: number;
  /** One attempt, from its begin. */
  readonly runtimeMs: number;
  /** All attempts, from the first admission. */
  readonly unitMs: number;
  /** Since the last sign of life of a running attempt. */
  readonly heartbeatMs: number;
}

/** Instants of a job; undefined is "not yet". */
export interface JobTimes {
  readonly firstAdmittedAtMs: number;
  readonly admittedAtMs: number;
  readonly beganAtMs: number | undefined;
  readonly heartbeatAtMs: number | undefined;
}

/** A clock that has run out, and what is done. */
export interface ExpiredClock {
  readonly clock: "queued" | "runtime" | "unit" | "heartbeat";
  readonly elapsedMs: number;
  readonly limitMs: number;
  /** `requeue`: taken off the queue and admitted anew; `end`: the attempt is killed; `quarantine`: killed, and not tried again. */
  readonly action: "requeue" | "end" | "quarantine";
  readonly reason: string;
}

const meanings = {
  unit: ["quarantine", "all its attempts together took"],
  runtime: ["end", "this attempt has run for"],
  heartbeat: ["end", "no sign of life for"],
  queued: ["requeue", "admitted and not begun for"],
} as const;

/** The most serious clock that has run out, or undefined. Once one has, it stays so until the job's times change. */
export function expiredClock(times: JobTimes, nowMs: number, limits: ClockLimits): ExpiredClock | undefined {
  const { firstAdmittedAtMs, admittedAtMs, beganAtMs, heartbeatAtMs } = times;
  const began = beganAtMs === undefined ? undefined : Math.max(beganAtMs, heartbeatAtMs ?? beganAtMs);
  const elapsed: readonly (readonly [ExpiredClock["clock"], number | undefined, number])[] = [
    ["unit", nowMs - firstAdmittedAtMs, limits.unitMs],
    ["runtime", beganAtMs === undefined ? undefined : nowMs - beganAtMs, limits.runtimeMs],
    ["heartbeat", began === undefined ? undefined : nowMs - began, limits.heartbeatMs],
    ["queued", beganAtMs === undefined ? nowMs - admittedAtMs : undefined, limits.queuedMs],
  ];
  for (const [clock, elapsedMs, limitMs] of elapsed) {
    if (elapsedMs === undefined || elapsedMs <= limitMs) continue;
    const [action, text] = meanings[clock];
    const reason = `${text} ${formatSeconds(elapsedMs / 1000)}, at most ${formatSeconds(limitMs / 1000)}`;
    return { clock, elapsedMs, limitMs, action, reason };
  }
  return undefined;
}
