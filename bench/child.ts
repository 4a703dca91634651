import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { onOneCore } from "./pinning.ts";

/** What a child program did. */
export interface ChildRun {
  readonly stdout: string;
  readonly seconds: number;
  /** Its largest resident size [bytes]; absent where there is no /proc. */
  readonly peakBytes: number | undefined;
}

export interface ChildOptions {
  /** Pin it to one core, where taskset is there. */
  readonly oneCore?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

const sampleEveryMs = 20;

/** Runs a program to its end; its stderr is ours. @throws when it ends with anything but 0 */
export async function runChild(
  program: string,
  argv: readonly string[],
  options: ChildOptions = {},
): Promise<ChildRun> {
  const [command = program, ...words] = options.oneCore === true ? onOneCore([program, ...argv]) : [program, ...argv];
  const startMs = performance.now();
  const child = spawn(command, words, {
    stdio: ["ignore", "pipe", "inherit"],
    // A made-up store is nobody's news, whatever the settings of this machine say.
    env: { ...process.env, BARKEEP_NOTIFY: "off", ...options.environment },
    cwd: options.folder,
  });
  let peakBytes: number | undefined;
  const sampling = setInterval(() => {
    peakBytes = peakOf(child.pid) ?? peakBytes;
  }, sampleEveryMs);
  try {
    const closed = once(child, "close");
    const stdout = await text(child.stdout);
    await closed;
    const seconds = (performance.now() - startMs) / 1000;
    const end = child.exitCode ?? child.signalCode ?? "nothing";
    if (end !== 0) throw new Error(`${program} ended with ${end}`);
    return { stdout, seconds, peakBytes };
  } finally {
    clearInterval(sampling);
  }
}

/** The kernel's own high-water mark: a sample misses only what comes after it. */
function peakOf(pid: number | undefined): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid ?? "self"}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
