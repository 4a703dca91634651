import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { processStart } from "./embedded/process-identity.ts";

/** A process that may write: enough to find out on its own host whether it still runs. */
export interface Holder {
  readonly host: string;
  readonly pid: number;
  /** Machine, process namespace and start time, so that neither a later process nor a container's twin is taken for it. */
  readonly processStart: string;
  readonly command: string;
}

/** This process. */
export function thisHolder(): Holder {
  const { pid } = process;
  return { host: hostname(), pid, processStart: startOf(pid) ?? "", command: process.argv.slice(1).join(" ") };
}

/** True only where it can be known: the holder was on this machine, and no such process runs any more. */
export function isGone({ host, pid, processStart }: Pick<Holder, "host" | "pid" | "processStart">): boolean {
  return host === hostname() && processStart.startsWith(place()) && startOf(pid) !== processStart;
}

/** Is it this very process? */
export function isThisProcess({ host, pid, processStart }: Pick<Holder, "host" | "pid" | "processStart">): boolean {
  return host === hostname() && pid === process.pid && processStart === startOf(pid);
}

function startOf(pid: number): string | undefined {
  const start = processStart(pid);
  return start === undefined ? undefined : `${place()}${start}`;
}

let known: string | undefined;

function place(): string {
  known ??= `${textOf(() => readFileSync("/etc/machine-id", "latin1").trim())}/${textOf(() => readlinkSync("/proc/self/ns/pid"))}/`;
  return known;
}

/** Nothing where this system keeps no such thing: then the host's name alone tells places apart. */
function textOf(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
