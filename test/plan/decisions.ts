import { decide } from "../../lib/plan/scaler/decide.ts";
import { initialState, type Action, type Decision, type ScalerState } from "../../lib/plan/scaler/decision.ts";
import { scalerLimits } from "../../lib/plan/scaler/limits.ts";
import type { GroupReading, HostReading } from "../../lib/plan/scaler/reading.ts";

/** When readings are taken and decisions are made. */
export const nowMs = 1_000_000;

export function decideNow(reading: HostReading, state: ScalerState = initialState): Decision {
  return decide(reading, state, scalerLimits, nowMs);
}

/** The host after the actions were carried out, before anything has started or ended. */
export function carriedOut(reading: HostReading, actions: readonly Action[]): HostReading {
  const to = new Map(actions.flatMap((one) => (one.action === "set parallel" ? [[one.group, one.to] as const] : [])));
  const held = new Set(actions.flatMap((one) => (one.action === "hold group" ? [one.group] : [])));
  const letGo = new Map(
    actions.flatMap((one) => (one.action === "let group go" ? [[one.group, one.parallel] as const] : [])),
  );
  const groups = reading.groups?.map((one): GroupReading => {
    const { name, parallel, state } = one;
    if (held.has(name)) return { name, parallel, state: "held" };
    const freed = letGo.get(name);
    if (freed !== undefined) return { name, parallel: freed, state: "running" };
    return { name, parallel: to.get(name) ?? parallel, state };
  });
  return { ...reading, groups };
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, one) => sum + one, 0);
}

/** All that may run at once when the decision is carried out. */
export function parallelAfter(reading: HostReading, decision: Decision): number {
  return total(
    (carriedOut(reading, decision.actions).groups ?? []).map(({ parallel, state }) =>
      typeof parallel === "number" && state !== "held" ? parallel : 0,
    ),
  );
}
