import { formatBytes } from "../../model/format.ts";
import type { DangerLevel, ScalerLimits } from "./limits.ts";
import type { HostReading, RunningUnit } from "./reading.ts";

/** How close the host is to running out of memory, and what that asks for. */
export interface Danger {
  readonly level: "none" | "stop admitting" | "stop youngest" | "kill youngest";
  /** Far enough from it that admission may open again; between the two it stays as it is. */
  readonly isOver: boolean;
  /** What has to be given back until admission could stay open. */
  readonly lackingBytes: number;
  readonly reason: string;
}

/** What holds where nothing can be read: no reason to stop anything, and none to open again. */
const unknown: Danger = { level: "none", isOver: false, lackingBytes: 0, reason: "memory cannot be read" };

export function dangerOf(reading: HostReading, { danger }: ScalerLimits): Danger {
  const { memory, pressure } = reading;
  if (memory === undefined) return unknown;
  const share = memory.availableBytes / memory.totalBytes;
  const stall = pressure === "none" ? undefined : pressure?.memory.full?.avg10;
  const exceeds = ({ stallAbove, availableBelow }: DangerLevel): boolean =>
    share < availableBelow || (stall !== undefined && stall > stallAbove);
  const available = `${formatBytes(memory.availableBytes)} of ${formatBytes(memory.totalBytes)} available`;
  const reason = stall === undefined ? available : `${available}, memory full ${stall} %`;
  const level = exceeds(danger.killYoungest)
    ? "kill youngest"
    : exceeds(danger.stopYoungest)
      ? "stop youngest"
      : exceeds(danger.stopAdmitting)
        ? "stop admitting"
        : "none";
  const lackingBytes = Math.max(0, memory.totalBytes * danger.stopAdmitting.availableBelow - memory.availableBytes);
  return { level, isOver: !exceeds(danger.over), lackingBytes, reason };
}

/** A unit that was asked to stop at its next commit. */
export interface StopAsked {
  readonly unit: string;
  readonly askedAtMs: number;
}

export interface Relief {
  readonly action: "stop at commit" | "kill";
  readonly victim: RunningUnit;
  readonly why: string;
}

/**
 * Whom to take the memory from: the youngest, which lose least, as many as have what is lacking. They are asked to stop at their
 * next commit, and what they hold counts as given back; they are killed where that took too long or cannot be waited for.
 * @param candidates units that may be stopped
 * @param killedAtMs when units were killed last: what they held may not show yet
 */
export function reliefOf(
  danger: Danger,
  candidates: readonly RunningUnit[],
  stops: readonly StopAsked[],
  killedAtMs: number | undefined,
  nowMs: number,
  { stopGraceMs, killEveryMs }: ScalerLimits,
): Relief[] {
  if (danger.level !== "stop youngest" && danger.level !== "kill youngest") return [];
  const youngestFirst = candidates.toSorted((a, b) => b.startedAtMs - a.startedAtMs || (a.unit < b.unit ? -1 : 1));
  const askedAt = (unit: RunningUnit): number | undefined => stops.find((stop) => stop.unit === unit.unit)?.askedAtMs;
  const asked = youngestFirst.filter((unit) => askedAt(unit) !== undefined);
  const others = youngestFirst.filter((unit) => askedAt(unit) === undefined);
  const mayKill = killedAtMs === undefined || nowMs - killedAtMs >= killEveryMs;
  if (danger.level === "kill youngest") {
    const why = "the youngest; there is no time to wait for a commit";
    const victims = mayKill ? enough([...asked, ...others], danger.lackingBytes) : [];
    return victims.map((victim) => ({ action: "kill", victim, why }));
  }
  const late = asked.filter((unit) => nowMs - (askedAt(unit) ?? nowMs) >= stopGraceMs);
  if (late.length > 0) {
    const victims = mayKill ? late : [];
    return victims.map((victim) => ({ action: "kill", victim, why: "asked to stop, and still running" }));
  }
  const coming = asked.reduce((sum, unit) => sum + bytesOf(unit), 0);
  if (asked.length > 0 && coming >= danger.lackingBytes) return [];
  const victims = enough(others, danger.lackingBytes - coming);
  return victims.map((victim) => ({ action: "stop at commit", victim, why: "the youngest, which loses least" }));
}

/** The first units that together hold so much, at least one of them. */
function enough(units: readonly RunningUnit[], bytes: number): RunningUnit[] {
  const taken: RunningUnit[] = [];
  for (let lacking = bytes; taken.length < units.length && (taken.length === 0 || lacking > 0);) {
    const next = units[taken.length];
    if (next === undefined) break;
    taken.push(next);
    lacking -= bytesOf(next);
  }
  return taken;
}

/** What it can give back; of a unit that nothing is known of, nothing is hoped for. */
function bytesOf({ peakBytes, requestBytes }: RunningUnit): number {
  return peakBytes ?? requestBytes ?? 0;
}
