/**
 * What the kernel says of a machine, read off the texts of its files. Strict: a text that is not as the kernel writes it gives
 * undefined, never a zero, because "no pressure" and "no idea" lead to opposite decisions.
 */

/** Percent of the time in which some, or all, tasks waited: averages over 10, 60 and 300 seconds. */
export interface StallAverages {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
}

/** One file of `/proc/pressure`, or a scope's `memory.pressure`. */
export interface Pressure {
  readonly some: StallAverages;
  /** Kernels before 5.13 have no such line for the processor. */
  readonly full: StallAverages | undefined;
}

/** `/proc/pressure/cpu`, `memory` or `io`. */
export function parsePressure(text: string): Pressure | undefined {
  const [first = "", second, ...others] = text.trimEnd().split("\n");
  const some = averagesOf(first, "some");
  if (some === undefined || others.length > 0) return undefined;
  if (second === undefined) return { some, full: undefined };
  const full = averagesOf(second, "full");
  return full === undefined ? undefined : { some, full };
}

const number = String.raw`(\d{1,3}\.\d{2})`;

function averagesOf(line: string, kind: "some" | "full"): StallAverages | undefined {
  const match = new RegExp(String.raw`^${kind} avg10=${number} avg60=${number} avg300=${number} total=\d+$`).exec(line);
  if (match === null) return undefined;
  const [, avg10 = Number.NaN, avg60 = Number.NaN, avg300 = Number.NaN] = match.map(Number);
  return Math.max(avg10, avg60, avg300) <= 100 ? { avg10, avg60, avg300 } : undefined;
}

/** A machine's memory. */
export interface Memory {
  readonly totalBytes: number;
  /** What could be given to new work without swapping, as the kernel estimates it. */
  readonly availableBytes: number;
}

/** `/proc/meminfo`. */
export function parseMemory(text: string): Memory | undefined {
  const totalBytes = kilobytesOf(text, "MemTotal");
  const availableBytes = kilobytesOf(text, "MemAvailable");
  if (totalBytes === undefined || availableBytes === undefined) return undefined;
  return totalBytes > 0 && availableBytes <= totalBytes ? { totalBytes, availableBytes } : undefined;
}

/** The value of a line that stands there once, in bytes. */
function kilobytesOf(text: string, name: string): number | undefined {
  const [found, ...others] = [...text.matchAll(new RegExp(String.raw`^${name}: +(\d{1,12}) kB$`, "gm"))];
  const digits = found?.[1];
  return digits === undefined || others.length > 0 ? undefined : Number(digits) * 1024;
}

/** Runnable and uninterruptible tasks, averages over 1, 5 and 15 minutes. */
export interface LoadAverage {
  readonly one: number;
  readonly five: number;
  readonly fifteen: number;
}

/** `/proc/loadavg`. */
export function parseLoadAverage(text: string): LoadAverage | undefined {
  const match = /^(\d+\.\d{2}) (\d+\.\d{2}) (\d+\.\d{2}) \d+\/\d+ \d+$/.exec(text.trimEnd());
  if (match === null) return undefined;
  const [, one = Number.NaN, five = Number.NaN, fifteen = Number.NaN] = match.map(Number);
  return { one, five, fifteen };
}
