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
  /** What was too much, to be remembered from now on. */
  readonly ceiling: ScalerState["ceiling"];
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
  const { ceiling } = state;
  if (danger.level !== "none") {
    const { reason } = danger;
    const steps = clamped(loads, goingUnits(state.stops, relief), reason);
    return { verdict: "relief", reason, steps, ceiling };
  }
  if (reading.isDrained === true) {
    return { verdict: "hold", reason: "the host is drained: nothing is started there", steps: new Map(), ceiling };
  }
  const trim = trimmed(loads, reading.budget);
  if (trim !== undefined) return { verdict: "down", ...trim, ceiling };
  const direction = directionOf(reading, limits);
  const wait = coolDown(direction, state, limits, nowMs);
  const hold = (reason: string): Choice => ({ verdict: "hold", reason, steps: new Map(), ceiling });
  if (wait !== undefined) return hold(`${direction.reason}; ${wait}`);
  if (direction.direction === "hold") return hold(direction.reason);
  if (direction.direction === "down") {
    const steps = reduced(loads, direction);
    const tooMany = { tasks: reading.running.length, seenAtMs: nowMs };
    return {
      verdict: "down",
      reason: direction.reason,
      steps,
      ceiling: direction.source === "pressure" ? tooMany : ceiling,
    };
  }
  if (!state.isAdmitting) return hold(`admission is closed until there is more room: ${danger.reason}`);
  const held = heldCeiling(direction, state, limits, nowMs);
  const tasksMax = held === undefined ? Number.POSITIVE_INFINITY : Math.max(1, held.tasks - 1);
  const steps = raised(loads, reading, direction, tasksMax, limits);
  return { verdict: "up", reason: direction.reason, steps, ceiling: held };
}

/** As much as was too much lately is not tried again soon; once it may be, it is forgotten. */
function heldCeiling(
  { isIdle }: Direction,
  { ceiling }: ScalerState,
  { ceilingMs, ceilingIdleMs }: ScalerLimits,
  nowMs: number,
): ScalerState["ceiling"] {
  if (ceiling === undefined) return undefined;
  return nowMs - ceiling.seenAtMs < (isIdle ? ceilingIdleMs : ceilingMs) ? ceiling : undefined;
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
