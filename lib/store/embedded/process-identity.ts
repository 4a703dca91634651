import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * A text that tells this run of a process from a later one with the same pid: its start, in the kernel's own count.
 * @returns undefined when there is no such process
 */
export function processStart(pid: number): string | undefined {
  return process.platform === "linux" ? linuxStart(pid) : startByPs(pid);
}

function linuxStart(pid: number): string | undefined {
  try {
    return startOfStat(
      readFileSync("/proc/sys/kernel/random/boot_id", "latin1"),
      readFileSync(`/proc/${pid}/stat`, "latin1"),
    );
  } catch {
    return undefined;
  }
}

/**
 * What `processStart` says of a process of a Linux host, from the host's boot id and the process's `/proc/<pid>/stat`.
 * @returns undefined for a process that has ended and waits for its parent
 */
export function startOfStat(bootId: string, stat: string): string | undefined {
  // The command's name stands in parentheses and may hold spaces and parentheses itself; state is the next field.
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A process that was killed is gone when its last thread is: until then they hold its files, and a store's lock.
  const hasEnded = state === "X" || (state === "Z" && Number(fields[16]) <= 1);
  return hasEnded ? undefined : `${bootId.trim()}/${fields[18]}`;
}

/** Resident pages of a process, from its `/proc/<pid>/stat`; 0 where it does not say. */
export function residentPagesOfStat(stat: string): number {
  const [, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[20] ?? 0);
}

/** Else `ps` writes it by the zone and the language of its caller, and it is compared between callers. */
const psEnvironment = { LC_ALL: "C", TZ: "UTC" };

/** What {@link startByPs} runs, for a shell; the process id follows. */
export const startByPsCommand = `LC_ALL=${psEnvironment.LC_ALL} TZ=${psEnvironment.TZ} ps -o lstart= -p`;

/** {@link processStart} where the system has no `/proc`, as on a Mac. */
export function startByPs(pid: number): string | undefined {
  try {
    const env = { ...process.env, ...psEnvironment };
    const text = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", env }).trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}
