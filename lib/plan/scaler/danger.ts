import { formatBytes } from "../../model/format.ts";
import type { DangerLevel, ScalerLimits } from "./limits.ts";
import type { HostReading, RunningUnit } from "./reading.ts";

/** How close the host is to running out of memory, and what that asks for. */
export interface Danger {
  readonly level: "none" | "stop admitting" | "stop youngest" | "kill youngest";
  /** Far enough from it that admission may open again; between the two it stays as it is. */
  readonly isOver: boolean;
  readonly reason: string;
}

/** What holds where nothing can be read: no reason to stop anything, and none to open again. */
const unknown: Danger = { level: "none", isOver: false, reason: "memory cannot be read" };

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
  return { level, isOver: !exceeds(danger.over), reason };
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
 * Whom to take the memory from: the youngest, which loses least. It is asked to stop at its next commit; it is killed where
 * that took too long or cannot be waited for.
 * @param candidates units that may be stopped
 */
export function reliefOf(
  danger: Danger,
  candidates: readonly RunningUnit[],
  stops: readonly StopAsked[],
  nowMs: number,
  { stopGraceMs }: ScalerLimits,
): Relief | undefined {
  if (danger.level !== "stop youngest" && danger.level !== "kill youngest") return undefined;
  const youngestFirst = candidates.toSorted((a, b) => b.startedAtMs - a.startedAtMs || (a.unit < b.unit ? -1 : 1));
  const askedAt = (unit: RunningUnit): number | undefined => stops.find((stop) => stop.unit === unit.unit)?.askedAtMs;
  const asked = youngestFirst.filter((unit) => askedAt(unit) !== undefined);
  const late = asked.find((unit) => nowMs - (askedAt(unit) ?? nowMs) >= stopGraceMs);
  if (danger.level === "kill youngest") {
    const victim = asked[0] ?? youngestFirst[0];
    return victim && { action: "kill", victim, why: "the youngest; there is no time to wait for its commit" };
  }
  if (late !== undefined) return { action: "kill", victim: late, why: "asked to stop, and still running" };
  const victim = youngestFirst.find((unit) => askedAt(unit) === undefined);
  return victim && { action: "stop at commit", victim, why: "the youngest, which loses least" };
}
