import { readFileSync } from "node:fs";

/** What this process's ended children used, theirs included; zeros where the system does not say. */
export interface ChildUsage {
  readonly cpuMs: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

/** Linux reports /proc times in hundredths of a second, whatever the kernel's own tick. */
const msPerTick = 10;

/**
 * Reads this process's accounts. CPU time is that of children that have been waited for; I/O is this process's own and theirs, which
 * is why the caller takes the difference of two readings.
 */
export function childUsage(): ChildUsage {
  const stat = read("/proc/self/stat");
  const io = read("/proc/self/io");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const number = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(io)?.[1] ?? 0);
  return {
    cpuMs: (Number(fields[13] ?? 0) + Number(fields[14] ?? 0)) * msPerTick,
    readBytes: number("read_bytes"),
    writtenBytes: number("write_bytes"),
  };
}

/** Empty where there is no such file: a system without /proc, or a kernel without I/O accounting. */
function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
