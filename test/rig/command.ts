import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const projectRoot = join(import.meta.dirname, "..", "..");

/** A command that runs in a process of its own, as a user starts it, and is looked at while it does. */
export class RunningCommand {
  readonly child: ChildProcess;
  readonly #ended: Promise<unknown>;
  /** Nothing of what it said is still on its way: that comes after its end. */
  #isClosed = false;
  stdout = "";
  stderr = "";

  constructor(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [join(projectRoot, "bin/barkeep.mjs"), ...words], {
      cwd: projectRoot,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, BARKEEP_STATE: "", ...env },
    });
    this.#ended = once(this.child, "close");
    this.child.once("close", () => (this.#isClosed = true));
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits until its stderr says so. @throws when it ends before */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stderr)) {
      if (this.#isClosed) {
        throw new Error(`ended with ${this.child.exitCode} and never said ${pattern}: ${this.stderr}`);
      }
      await delay(20);
    }
  }

  /** Its exit code; null when a signal ended it. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined) this.child.kill(signal);
    await this.#ended;
    return this.child.exitCode;
  }
}
