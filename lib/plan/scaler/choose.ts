import { formatSeconds } from "../../model/format.ts";
import type { Danger, Relief, StopAsked } from "./danger.ts";
import type { ScalerState } from "./decision.ts";
import { directionOf, type Direction } from "./direction.ts";
import type { GroupLoad } from "./group-load.ts";
import type { ScalerLimits } from "./limits.ts";
import type { HostReading } from "./reading.ts";
import { clamped, raised, reduced, trimmed, type Steps } from "./steps.ts";

export interface Choice {
  readonly verdict: "up" | "down" | "hold" | "relief";
  readonly reason: string;
  readonly steps: Steps;
  /** What runs was measured to be too much for the host. */
  readonly isTooMuch: boolean;
}

/** The first that holds: memory is short, more is promised than there is, a step that is due, nothing. */
export function choose(
  reading: HostReading,
  loads: readonly GroupLoad[],
  danger: Danger,
  relief: readonly Relief[],
  state: ScalerState,
  limits: ScalerLimits,
  nowMs: number,
): Choice {
  if (danger.level !== "none") {
    const { reason } = danger;
    const steps = clamped(loads, goingUnits(state.stops, relief), reason);
    return { verdict: "relief", reason, steps, isTooMuch: false };
  }
  const trim = trimmed(loads, reading.budget);
  if (trim !== undefined) return { verdict: "down", ...trim, isTooMuch: false };
  const direction = directionOf(reading, limits);
  const wait = coolDown(direction, state, limits, nowMs);
  if (wait !== undefined) return hold(`${direction.reason}; ${wait}`);
  if (direction.direction === "hold") return hold(direction.reason);
  if (direction.direction === "down") {
    const steps = reduced(loads, direction);
    return { verdict: "down", reason: direction.reason, steps, isTooMuch: direction.source === "pressure" };
  }
  if (!state.isAdmitting) return hold(`admission is closed until there is more room: ${danger.reason}`);
  const steps = raised(loads, reading, direction, tasksMaxOf(state, limits, nowMs), limits);
  return { verdict: "up", reason: direction.reason, steps, isTooMuch: false };
}

function hold(reason: string): Choice {
  return { verdict: "hold", reason, steps: new Map(), isTooMuch: false };
}

/** The most that may run at once, because as much as was too much lately is not tried again soon. */
function tasksMaxOf({ ceiling }: ScalerState, { ceilingMs }: ScalerLimits, nowMs: number): number {
  const holds = ceiling !== undefined && nowMs - ceiling.seenAtMs < ceilingMs;
  return holds ? Math.max(1, ceiling.tasks - 1) : Number.POSITIVE_INFINITY;
}

/** Units that run and will not for long. */
function goingUnits(stops: readonly StopAsked[], relief: readonly Relief[]): ReadonlySet<string> {
  return new Set([...stops.map(({ unit }) => unit), ...relief.map(({ victim }) => victim.unit)]);
}

/** How long to wait before the next step in this direction; undefined where it may be taken. */
function coolDown(
  { direction }: Direction,
  { upAtMs, downAtMs }: ScalerState,
  { upEveryMs, downEveryMs, upAfterDownMs }: ScalerLimits,
  nowMs: number,
): string | undefined {
  if (direction === "hold") return undefined;
  const untilMs = Math.max(
    (upAtMs ?? Number.NEGATIVE_INFINITY) + upEveryMs,
    (downAtMs ?? Number.NEGATIVE_INFINITY) + (direction === "up" ? upAfterDownMs : downEveryMs),
  );
  return nowMs >= untilMs ? undefined : `the last step needs ${formatSeconds((untilMs - nowMs) / 1000)} more to show`;
}
