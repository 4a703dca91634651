import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

const cgroupRoot = "/sys/fs/cgroup";

/** What a scope's cgroup has counted so far; undefined where the kernel or the delegated controllers do not say. */
export interface CgroupReading {
  readonly memoryPeakBytes: number | undefined;
  readonly memoryMaxBytes: number | undefined;
  readonly outOfMemoryKills: number;
  readonly cpuMs: number | undefined;
  readonly readBytes: number | undefined;
  readonly writtenBytes: number | undefined;
}

/** The folder of this process's own cgroup if it is the named scope (version 2 of the interface only). */
export function ownScopeFolder(unit: string): string | undefined {
  const text = read("/proc/self/cgroup");
  const path = text === undefined ? undefined : /^0::(.+)$/m.exec(text)?.[1];
  return path !== undefined && basename(path) === `${unit}.scope` ? join(cgroupRoot, path) : undefined;
}

export function readCgroup(folder: string): CgroupReading {
  const events = read(join(folder, "memory.events"));
  const cpu = read(join(folder, "cpu.stat"));
  const io = read(join(folder, "io.stat"));
  const cpuUs = cpu === undefined ? undefined : /^usage_usec (\d+)$/m.exec(cpu)?.[1];
  return {
    memoryPeakBytes: readNumber(join(folder, "memory.peak")),
    memoryMaxBytes: readNumber(join(folder, "memory.max")),
    outOfMemoryKills: Number((events === undefined ? undefined : /^oom_kill (\d+)$/m.exec(events)?.[1]) ?? 0),
    cpuMs: cpuUs === undefined ? undefined : Math.round(Number(cpuUs) / 1000),
    readBytes: io === undefined ? undefined : sumOf(io, /\brbytes=(\d+)/g),
    writtenBytes: io === undefined ? undefined : sumOf(io, /\bwbytes=(\d+)/g),
  };
}

/** One device a line. */
function sumOf(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

/** undefined for a file that is not there, and for `max`. */
function readNumber(path: string): number | undefined {
  const text = read(path)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
