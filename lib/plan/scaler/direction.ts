import type { HostPressure, HostReading } from "./reading.ts";
import type { Band, ScalerLimits } from "./limits.ts";

/** Whether the host could do more, should do less, or neither. */
export interface Direction {
  readonly direction: "up" | "down" | "hold";
  /** What said so. */
  readonly source: "pressure" | "load" | "nothing";
  readonly reason: string;
  /** Of a step down: the share that is kept. */
  readonly keep: number;
  /** A whole minute far below every floor: what was too much before may not be so any more. */
  readonly isIdle: boolean;
}

/** By pressure where the kernel measures it, else by load average and memory in use. Down wins over up. */
export function directionOf(reading: HostReading, limits: ScalerLimits): Direction {
  const { pressure } = reading;
  if (pressure === undefined) return unknown("pressure cannot be read");
  return pressure === "none" ? byLoad(reading, limits) : byPressure(pressure, limits);
}

function unknown(reason: string): Direction {
  return { direction: "hold", source: "nothing", reason, keep: 1, isIdle: false };
}

interface Measured {
  readonly name: string;
  readonly band: Band;
  readonly keep: number;
  /** Has to be below the floor. */
  readonly up: number;
  /** Has to be above the ceiling. */
  readonly down: number;
  /** Over a minute. */
  readonly minute: number;
}

/** So far below its floor a minute counts as idle. */
const idleShare = 0.25;

/**
 * Memory is judged by its last ten seconds. Processor and disk only slow things down, so that a minute of it has to agree; and
 * of the disk only what stops everything, for some task always waits for it.
 */
function byPressure({ cpu, memory, io }: HostPressure, limits: ScalerLimits): Direction {
  const ioFull = io.full ?? io.some;
  const measured: readonly Measured[] = [
    {
      name: "memory some",
      band: limits.pressure.memory,
      keep: limits.keep.memory,
      up: memory.some.avg10,
      down: memory.some.avg10,
      minute: memory.some.avg60,
    },
    {
      name: "cpu some",
      band: limits.pressure.cpu,
      keep: limits.keep.other,
      up: cpu.some.avg10,
      down: Math.min(cpu.some.avg10, cpu.some.avg60),
      minute: cpu.some.avg60,
    },
    {
      name: "io full",
      band: limits.pressure.io,
      keep: limits.keep.other,
      up: ioFull.avg10,
      down: Math.min(ioFull.avg10, ioFull.avg60),
      minute: ioFull.avg60,
    },
  ];
  return judge(measured, "pressure");
}

/** As the older autoscaler measured it: whole percents, compared strictly. */
function byLoad({ cores, load, memory }: HostReading, limits: ScalerLimits): Direction {
  if (cores === undefined || load === undefined) return unknown("the load average cannot be read");
  if (memory === undefined) return unknown("memory cannot be read");
  const cpu = Math.round((load.one / cores) * 100);
  const used = Math.round((1 - memory.availableBytes / memory.totalBytes) * 100);
  const measured: readonly Measured[] = [
    { name: "load", band: limits.load.cpu, keep: 1, up: cpu, down: cpu, minute: cpu },
    { name: "memory in use", band: limits.load.memory, keep: 1, up: used, down: used, minute: used },
  ];
  return judge(measured, "load");
}

function judge(measured: readonly Measured[], source: "pressure" | "load"): Direction {
  const over = measured.find(({ down, band }) => down > band.ceiling);
  if (over !== undefined) {
    const reason = `${over.name} ${percent(over.down)} is above ${percent(over.band.ceiling)}`;
    return { direction: "down", source, reason, keep: over.keep, isIdle: false };
  }
  const between = measured.find(({ up, band }) => up >= band.floor);
  if (between !== undefined) {
    const reason = `${between.name} ${percent(between.up)} is not below ${percent(between.band.floor)}`;
    return { direction: "hold", source, reason, keep: 1, isIdle: false };
  }
  const reason = measured.map(({ name, up, band }) => `${name} ${percent(up)} < ${percent(band.floor)}`).join(", ");
  const isIdle = measured.every(({ minute, band }) => minute < band.floor * idleShare);
  return { direction: "up", source, reason, keep: 1, isIdle };
}

function percent(value: number): string {
  return `${value} %`;
}
