import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** A process and what it started, with their resident memory. */
export interface TreeMember {
  readonly pid: number;
  readonly residentBytes: number;
  /** The most this process ever held; as resident where the system does not say. */
  readonly peakBytes: number;
}

/**
 * A process and its descendants, itself first. One whose parent has ended is the init process's child and no longer found: what
 * must be counted must not be daemonized.
 */
export function processTree(root: number): TreeMember[] {
  return process.platform === "linux" ? linuxTree(root) : psTree(root);
}

function linuxTree(root: number): TreeMember[] {
  const members: TreeMember[] = [];
  const pids = [root];
  for (let pid = pids.shift(); pid !== undefined; pid = pids.shift()) {
    const memory = linuxMemory(pid);
    if (memory === undefined) continue;
    members.push({ pid, ...memory });
    pids.push(...linuxChildren(pid));
  }
  return members;
}

function linuxMemory(pid: number): Omit<TreeMember, "pid"> | undefined {
  const status = readOrUndefined(`/proc/${pid}/status`);
  if (status === undefined) return undefined;
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { residentBytes: bytes("VmRSS"), peakBytes: bytes("VmHWM") };
}

/** Children stand under the thread that started them. */
function linuxChildren(pid: number): number[] {
  const tasks = `/proc/${pid}/task`;
  let threads: string[];
  try {
    threads = readdirSync(tasks);
  } catch {
    return [];
  }
  return threads.flatMap((thread) =>
    (readOrUndefined(`${tasks}/${thread}/children`) ?? "").split(" ").filter(Boolean).map(Number),
  );
}

/** undefined when the process has ended meanwhile. */
function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

function psTree(root: number): TreeMember[] {
  const lines = execFileSync("ps", ["-axo", "pid=,ppid=,rss="], { encoding: "utf8" }).trim().split("\n");
  const rows = lines.map((line) => line.trim().split(/\s+/).map(Number));
  const members: TreeMember[] = [];
  const pids = [root];
  for (let pid = pids.shift(); pid !== undefined; pid = pids.shift()) {
    const own = rows.find(([one]) => one === pid);
    if (own === undefined) continue;
    const residentBytes = (own[2] ?? 0) * 1024;
    members.push({ pid, residentBytes, peakBytes: residentBytes });
    pids.push(...rows.filter(([, parent]) => parent === pid).map(([child]) => child ?? 0));
  }
  return members;
}

/**
 * Kills a process and its descendants at once. They are stopped first, so that none can start another while the tree is
 * looked at.
 */
export function killTree(root: number): void {
  let pids: number[] = [];
  for (;;) {
    const found = processTree(root).map(({ pid }) => pid);
    const fresh = found.filter((pid) => !pids.includes(pid));
    for (const pid of fresh) signalIfThere(pid, "SIGSTOP");
    pids = found;
    if (fresh.length === 0) break;
  }
  for (const pid of pids) signalIfThere(pid, "SIGKILL");
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
