import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { formatKill, type Kill } from "./kill.ts";
import { readTrace, type TracedPoint } from "./trace.ts";

export const projectRoot = join(import.meta.dirname, "..", "..");
const launcher = join(projectRoot, "bin", "barkeep.mjs");
const preload = pathToFileURL(join(import.meta.dirname, "preload.ts")).href;

/** Far longer than any run here takes: who is still there has hung. */
const hangsAfterMs = 180_000;

/** How the process that may be killed is watched. */
export interface Armed {
  readonly kill: Kill | undefined;
  /** Where its points go. */
  readonly traceFile: string;
}

/** How a process ended. */
export interface RunEnd {
  readonly killed: boolean;
  /** Its exit code; undefined where a signal ended it. */
  readonly code: number | undefined;
  /** The points it passed; the last one is where a kill at a point struck. */
  readonly points: readonly TracedPoint[];
  readonly wallMs: number;
  readonly stderr: string;
}

const clean = {
  BARKEEP_STATE: "",
  BARKEEP_NOTIFY: "off",
  CLICKHOUSE_URL: "",
  CLICKHOUSE_HOST: "",
  UV_THREADPOOL_SIZE: "16",
};

/** Nothing outlives the harness. */
const living = new Set<Victim>();
process.on("exit", () => {
  for (const { child } of living) child.kill("SIGKILL");
});

/** A process of the program under way. */
export class Victim {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<RunEnd>;
  #stdout = "";

  private constructor(words: readonly string[], env: Readonly<Record<string, string>>, armed: Armed | undefined) {
    this.child = spawn(process.execPath, [launcher, ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: projectRoot,
      env: { ...process.env, ...clean, ...env },
    });
    this.ended = this.#watch(armed);
  }

  async #watch(armed: Armed | undefined): Promise<RunEnd> {
    living.add(this);
    const startMs = performance.now();
    const kill = armed?.kill;
    const timers = [setTimeout(() => this.child.kill("SIGABRT"), hangsAfterMs)];
    if (kill?.kind === "instant") timers.push(setTimeout(() => this.child.kill("SIGKILL"), kill.afterMs));
    let stderr = "";
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    await once(this.child, "close");
    timers.forEach((timer) => clearTimeout(timer));
    living.delete(this);
    return {
      killed: this.child.signalCode === "SIGKILL",
      code: this.child.exitCode ?? undefined,
      points: armed === undefined ? [] : readTrace(armed.traceFile),
      wallMs: performance.now() - startMs,
      stderr,
    };
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until it has printed a line. @returns false when it ended before */
  async hasSaid(line: string): Promise<boolean> {
    const ended = this.ended.then(() => true);
    while (!this.#stdout.split("\n").includes(line)) {
      const isOver = await Promise.race([ended, once(this.child.stdout, "data").then(() => false)]);
      if (isOver) return false;
    }
    return true;
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<RunEnd> {
    this.child.kill("SIGTERM");
    return this.ended;
  }

  /**
   * Starts `barkeep <words>`; with `armed`, watched from outside and killed as it says.
   * @param clock how many times faster its clock goes
   */
  static start(
    words: readonly string[],
    state: string,
    armed?: Armed,
    { clock = 1, env: more = {} }: { readonly clock?: number; readonly env?: Readonly<Record<string, string>> } = {},
  ): Victim {
    if (armed === undefined) return new Victim(words, more, undefined);
    rmSync(armed.traceFile, { force: true });
    const { kill } = armed;
    const env = {
      ...more,
      NODE_OPTIONS: `--import=${preload}`,
      BARKEEP_CRASH_ROOT: state,
      BARKEEP_CRASH_TRACE: armed.traceFile,
      BARKEEP_CRASH_CLOCK: `${clock}`,
      ...(kill === undefined || kill.kind === "instant" ? {} : { BARKEEP_CRASH_AT: formatKill(kill) }),
    };
    return new Victim(words, env, armed);
  }
}

/** Runs one of the harness's own programs, which must end with 0. @returns its stdout */
export async function runProgram(file: string, words: readonly string[]): Promise<string> {
  const { stdout } = await execa(process.execPath, [join(import.meta.dirname, file), ...words], {
    cwd: projectRoot,
    env: clean,
    timeout: hangsAfterMs,
  });
  return stdout;
}

/** The cause of a failed run, for a report. */
export function tailOf(text: string): string {
  return text.trim().split("\n").slice(-8).join("\n");
}
