import { formatSeconds } from "../../model/format.ts";
import { memoryLedger } from "../ledger.ts";
import { dangerOf, reliefOf, type Danger, type Relief, type StopAsked } from "./danger.ts";
import type { Action, Decision, GroupOutcome, ScalerState } from "./decision.ts";
import { directionOf, type Direction } from "./direction.ts";
import { groupLoads, untouchable, type GroupLoad } from "./group-load.ts";
import type { ScalerLimits } from "./limits.ts";
import type { HostReading } from "./reading.ts";
import { clamped, raised, reduced, trimmed, type Steps } from "./steps.ts";

/**
 * What to do on a host now. Pure: it changes nothing, and asked again after its actions were carried out it wants nothing more.
 *
 * The first that holds decides: too little is known → nothing; memory runs out → room is made; more is promised than there is →
 * groups are trimmed; else one step up or down, or none, and none within the cool-down of the last.
 */
export function decide(reading: HostReading, before: ScalerState, limits: ScalerLimits, nowMs: number): Decision {
  const blind = blindness(reading, limits, nowMs);
  const loads = groupLoads(reading, limits);
  if (blind !== undefined) return nothing(reading, loads, before, blind, nowMs);
  const stops = before.stops.filter(({ unit }) => reading.running.some((one) => one.unit === unit));
  const state = { ...before, stops };
  const danger = dangerOf(reading, limits);
  const isAdmitting = danger.level === "none" && (state.isAdmitting || danger.isOver);

  const relief = reliefNow(reading, loads, danger, state, limits, nowMs);
  const direction = directionOf(reading, limits);
  const wait = coolDown(direction, state, limits, nowMs);
  const trim = trimmed(loads, reading.budget);
  const choose = (): { verdict: Decision["verdict"]; reason: string; steps: Steps } => {
    if (danger.level !== "none") {
      return {
        verdict: "relief",
        reason: danger.reason,
        steps: clamped(loads, goingUnits(stops, relief), danger.reason),
      };
    }
    if (trim !== undefined) return { verdict: "down", ...trim };
    if (wait !== undefined) return { verdict: "hold", reason: `${direction.reason}; ${wait}`, steps: new Map() };
    if (direction.direction === "down") {
      return { verdict: "down", reason: direction.reason, steps: reduced(loads, direction, limits) };
    }
    if (direction.direction === "up" && isAdmitting) {
      return { verdict: "up", reason: direction.reason, steps: raised(loads, reading, direction, limits) };
    }
    const reason =
      direction.direction === "up" ? `admission is closed until there is room: ${danger.reason}` : direction.reason;
    return { verdict: "hold", reason, steps: new Map() };
  };
  const { verdict, reason, steps } = choose();
  const groups = loads.map((load) => outcomeOf(load, steps, reason));
  const changes = groups.flatMap(({ group, from, to, reason }): Action[] =>
    from === undefined || to === undefined || from === to ? [] : [{ action: "set parallel", group, from, to, reason }],
  );
  const did = (isStep: (from: number, to: number) => boolean): boolean =>
    changes.some((change) => change.action === "set parallel" && isStep(change.from, change.to));
  return {
    host: reading.host,
    atMs: nowMs,
    verdict: changes.length === 0 && (verdict === "up" || verdict === "down") ? "hold" : verdict,
    reason,
    isAdmitting,
    actions: [...admissionChange(before.isAdmitting, isAdmitting, danger), ...changes, ...reliefAction(relief, danger)],
    groups,
    ledger: memoryLedger(
      reading.budget,
      loads.flatMap(({ runningBytes, queuedBytes }) => runningBytes.concat(queuedBytes)),
    ),
    reading,
    state: {
      isAdmitting,
      upAtMs: did((from, to) => to > from) ? nowMs : state.upAtMs,
      downAtMs: did((from, to) => to < from) ? nowMs : state.downAtMs,
      reliefAtMs: relief === undefined ? state.reliefAtMs : nowMs,
      stops: relief?.action === "stop at commit" ? [...stops, { unit: relief.victim.unit, askedAtMs: nowMs }] : stops,
    },
  };
}

/** Why nothing can be decided; undefined where it can. */
function blindness(reading: HostReading, { readingAgeMaxMs }: ScalerLimits, nowMs: number): string | undefined {
  if (reading.lost !== undefined) return `the host is lost: ${reading.lost}`;
  if (reading.groups === undefined) return "the queue's status cannot be read";
  const ageMs = nowMs - reading.readAtMs;
  if (ageMs > readingAgeMaxMs) return `the reading is ${formatSeconds(ageMs / 1000)} old`;
  if (ageMs < 0) return "the reading is from the future: a clock was set back";
  return undefined;
}

function nothing(
  reading: HostReading,
  loads: readonly GroupLoad[],
  state: ScalerState,
  reason: string,
  atMs: number,
): Decision {
  const { host } = reading;
  const groups = loads.map((load): GroupOutcome => ({ ...countsOf(load), to: undefined, reason }));
  return {
    host,
    atMs,
    verdict: "none",
    reason,
    isAdmitting: false,
    actions: [],
    groups,
    ledger: undefined,
    reading,
    state,
  };
}

function countsOf({ name, parallel, runningBytes, queuedBytes }: GroupLoad): Omit<GroupOutcome, "to" | "reason"> {
  return { group: name, running: runningBytes.length, queued: queuedBytes.length, from: parallel };
}

/** Units that run and will not for long. */
function goingUnits(stops: readonly StopAsked[], relief: Relief | undefined): ReadonlySet<string> {
  return new Set([...stops.map(({ unit }) => unit), ...(relief === undefined ? [] : [relief.victim.unit])]);
}

/** A step of relief, unless the last one has not had the time to show. */
function reliefNow(
  reading: HostReading,
  loads: readonly GroupLoad[],
  danger: Danger,
  { stops, reliefAtMs }: ScalerState,
  limits: ScalerLimits,
  nowMs: number,
): Relief | undefined {
  if (reliefAtMs !== undefined && nowMs - reliefAtMs < limits.reliefEveryMs) return undefined;
  const touchable = new Set(loads.filter((load) => untouchable(load) === undefined).map(({ name }) => name));
  const candidates = reading.running.filter(({ group, isLive }) => touchable.has(group) && !isLive);
  return reliefOf(danger, candidates, stops, nowMs, limits);
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

function outcomeOf(load: GroupLoad, steps: Steps, verdict: string): GroupOutcome {
  const obstacle = untouchable(load);
  if (obstacle !== undefined) return { ...countsOf(load), to: undefined, reason: obstacle };
  const step = steps.get(load.name);
  return { ...countsOf(load), to: step?.to ?? load.parallel, reason: step?.reason ?? verdict };
}

function admissionChange(was: boolean, is: boolean, { reason }: Danger): Action[] {
  if (was === is) return [];
  return [{ action: is ? "admit again" : "stop admitting", reason }];
}

function reliefAction(relief: Relief | undefined, { reason }: Danger): Action[] {
  if (relief === undefined) return [];
  const { action, victim, why } = relief;
  return [{ action, unit: victim.unit, group: victim.group, reason: `${reason}; ${why}` }];
}
