import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * A text that tells this run of a process from a later one with the same pid: its start, in the kernel's own count.
 * @returns undefined when there is no such process
 */
export function processStart(pid: number): string | undefined {
  return process.platform === "linux" ? linuxStart(pid) : psStart(pid);
}

function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name stands in parentheses and may hold spaces and parentheses itself; state is the next field.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z" || state === "X") return undefined;
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    return `${bootId}/${fields[18]}`;
  } catch {
    return undefined;
  }
}

function psStart(pid: number): string | undefined {
  try {
    const text = execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}
