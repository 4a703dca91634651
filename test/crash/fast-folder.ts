import { existsSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";

const memory = "/dev/shm";
const enoughBytes = 1 << 30;

/**
 * Where states lie: in memory, where there is enough of it. What is killed here are processes, not the machine; what one has
 * written is there for the next one whether it is on a disk or not, and a disk that is waited for would take most of the time.
 */
export function fastFolder(): string {
  if (process.env["TMPDIR"] !== undefined || !existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize >= enoughBytes ? memory : tmpdir();
}
