import { formatSeconds } from "../../model/format.ts";
import { isWorkGroup } from "../../model/groups.ts";
import { memoryLedger } from "../ledger.ts";
import { choose, type Choice } from "./choose.ts";
import { dangerOf, reliefOf, type Danger, type Relief, type StopAsked } from "./danger.ts";
import type { Action, Decision, GroupOutcome, HoldCause, ScalerState } from "./decision.ts";
import { groupLoads, openGroups, untouchable, type GroupLoad } from "./group-load.ts";
import type { ScalerLimits } from "./limits.ts";
import type { HostReading } from "./reading.ts";
import { sharedOut, stepAction } from "./share.ts";
import type { Steps } from "./steps.ts";

/**
 * What to do on a host now. Pure: it changes nothing, and asked again after its actions were carried out it wants nothing more.
 *
 * The first that holds decides: too little is known → nothing; memory runs out → room is made; more is promised than there is →
 * groups are trimmed; else one step up or down, or none, and none within the cool-down of the last. Then the places of `jobs_max`
 * are shared out.
 */
export function decide(reading: HostReading, before: ScalerState, limits: ScalerLimits, nowMs: number): Decision {
  const loads = groupLoads(reading, limits);
  const blind = blindness(reading, limits, nowMs);
  if (blind !== undefined) return nothing(reading, loads, before, blind, limits, nowMs);
  const stops = before.stops.filter(({ unit }) => reading.running.some((one) => one.unit === unit));
  const danger = dangerOf(reading, limits);
  const isAdmitting = danger.level === "none" && (before.isAdmitting || danger.isOver);
  const state = { ...before, stops, isAdmitting };
  const relief = reliefNow(reading, loads, danger, state, limits, nowMs);
  const choice = choose(reading, loads, danger, relief, state, limits, nowMs);
  const holds =
    danger.level !== "none"
      ? heldAll(loads, "memory", danger.reason)
      : reading.isDrained === true
        ? heldAll(loads, "drained", choice.reason)
        : [];
  const shares =
    danger.level === "none" && reading.isDrained !== true
      ? sharedOut(loads, choice.steps, reading, isAdmitting, limits)
      : { steps: withoutHeld(choice.steps, holds), letGo: [] };
  const groups = loads.map((load) => outcomeOf(load, { ...choice, steps: shares.steps }));
  const changes = [...groups.flatMap(changeOf), ...shares.letGo];
  const isStep = loads.some(({ name, parallel }) => (choice.steps.get(name)?.to ?? parallel) !== parallel);
  return {
    host: reading.host,
    atMs: nowMs,
    verdict: verdictOf(choice, isStep, changes.length > 0),
    reason: choice.reason,
    isAdmitting: isAdmitting && reading.isDrained !== true,
    lookAgainMs: danger.isOver || reading.memory === undefined ? limits.lookEveryMs : limits.lookInDangerEveryMs,
    actions: [
      ...admissionChange(before.isAdmitting, isAdmitting, danger),
      ...changes,
      ...holds,
      ...reliefActions(relief, danger),
    ],
    groups,
    ledger: memoryLedger(
      reading.budget,
      loads.flatMap(({ runningBytes, queuedBytes, awaitingBytes }) => runningBytes.concat(queuedBytes, awaitingBytes)),
    ),
    reading,
    state: {
      isAdmitting,
      // A group that is let go will run more, as after a step up: what that does is seen before the next one.
      upAtMs: (isStep && choice.verdict === "up") || shares.letGo.length > 0 ? nowMs : state.upAtMs,
      downAtMs: isStep && (choice.verdict === "down" || choice.verdict === "relief") ? nowMs : state.downAtMs,
      killedAtMs: relief.some(({ action }) => action === "kill") ? nowMs : state.killedAtMs,
      ceiling: choice.ceiling,
      stops: [...stops, ...stopsOf(relief, nowMs)],
    },
  };
}

/** Where nothing more is to be started, groups of ours are held: a smaller parallel would let the next one in when one ends. */
function heldAll(
  loads: readonly GroupLoad[],
  why: HoldCause,
  reason: string,
): Extract<Action, { readonly action: "hold group" }>[] {
  return openGroups(loads)
    .filter(({ name }) => isWorkGroup(name))
    .map(({ name: group }) => ({ action: "hold group", group, why, reason }));
}

function withoutHeld(steps: Steps, holds: readonly { readonly group: string }[]): Steps {
  const held = new Set(holds.map(({ group }) => group));
  return new Map([...steps].filter(([name]) => !held.has(name)));
}

function verdictOf({ verdict }: Choice, isStep: boolean, isShared: boolean): Decision["verdict"] {
  if (isStep || verdict === "relief") return verdict;
  return isShared ? "share" : "hold";
}

function changeOf({ group, from, to, reason }: GroupOutcome): Action[] {
  return typeof from !== "number" || to === undefined ? [] : stepAction(group, from, to, reason);
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
  { lookEveryMs: lookAgainMs }: ScalerLimits,
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
    lookAgainMs,
    actions: [],
    groups,
    ledger: undefined,
    reading,
    state,
  };
}

function countsOf(load: GroupLoad): Omit<GroupOutcome, "to" | "reason"> {
  const { name, parallel, state, runningBytes, queuedBytes, awaitingBytes } = load;
  const from = state === "held" ? 0 : parallel;
  return { group: name, running: runningBytes.length, queued: queuedBytes.length + awaitingBytes.length, from };
}

/** Only units of groups that may be acted on give anything back, and never live ones. */
function reliefNow(
  reading: HostReading,
  loads: readonly GroupLoad[],
  danger: Danger,
  { stops, killedAtMs }: ScalerState,
  limits: ScalerLimits,
  nowMs: number,
): Relief[] {
  const touchable = new Set(
    loads.filter((load) => load.state === "held" || untouchable(load) === undefined).map(({ name }) => name),
  );
  const candidates = reading.running.filter(({ group, isLive }) => touchable.has(group) && !isLive);
  return reliefOf(danger, candidates, stops, killedAtMs, nowMs, limits);
}

function outcomeOf(load: GroupLoad, { steps, reason }: Choice): GroupOutcome {
  const counts = countsOf(load);
  const obstacle = untouchable(load);
  if (obstacle !== undefined) return { ...counts, to: undefined, reason: obstacle };
  const step = steps.get(load.name);
  const stays = typeof load.parallel === "number" ? load.parallel : undefined;
  return { ...counts, to: step?.to ?? stays, reason: step?.reason ?? reason };
}

function admissionChange(was: boolean, is: boolean, { reason }: Danger): Action[] {
  if (was === is) return [];
  return [{ action: is ? "admit again" : "stop admitting", reason }];
}

function reliefActions(relief: readonly Relief[], { reason }: Danger): Action[] {
  return relief.map(({ action, victim, why }): Action => {
    return { action, unit: victim.unit, group: victim.group, reason: `${reason}; ${why}` };
  });
}

function stopsOf(relief: readonly Relief[], nowMs: number): StopAsked[] {
  return relief
    .filter(({ action }) => action === "stop at commit")
    .map(({ victim }) => ({ unit: victim.unit, askedAtMs: nowMs }));
}
