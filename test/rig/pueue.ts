import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { LocalRunner } from "./local-runner.ts";

const toolsFolder = join(homedir(), ".cache", "barkeep-tools", "bin");

/** Where pueue is: on the path, or where scripts/test-tools.sh puts it. */
export function pueueFolder(): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), toolsFolder];
  return folders.find((folder) => existsSync(join(folder, "pueued")) && existsSync(join(folder, "pueue")));
}

const stateSchema = z.object({
  tasks: z.record(z.string(), z.unknown()),
  groups: z.record(z.string(), z.object({ status: z.string() })),
});

/** What a test says when it cannot run, or false. */
export const skipWithoutPueue =
  pueueFolder() === undefined ? "pueue is not installed: bash scripts/test-tools.sh pueue" : false;

/** A real pueued 4 in a home of its own, on a Unix socket. */
export class PueueDaemon implements AsyncDisposable {
  readonly home: string;
  /** Runs programs as a caller whose environment leads to this daemon, and holds a secret. */
  readonly runner: LocalRunner;
  #process: ChildProcess;

  private constructor(home: string, runner: LocalRunner, child: ChildProcess) {
    this.home = home;
    this.runner = runner;
    this.#process = child;
  }

  /** @param env what the caller's environment holds besides */
  static async start(home: string, env: Readonly<Record<string, string>> = {}): Promise<PueueDaemon> {
    const folder = pueueFolder();
    if (folder === undefined) throw new Error("pueue is not installed");
    mkdirSync(join(home, "run"), { recursive: true });
    const settings = {
      shared: {
        pueue_directory: join(home, "data"),
        runtime_directory: join(home, "run"),
        use_unix_socket: true,
        unix_socket_path: join(home, "run", "pueue.sock"),
      },
      client: {},
      daemon: {},
    };
    const config = join(home, "pueue.yml");
    // YAML reads JSON.
    writeFileSync(config, JSON.stringify(settings));
    const path = `${folder}${delimiter}${process.env["PATH"] ?? ""}`;
    const runner = new LocalRunner({ HOME: home, PATH: path, PUEUE_CONFIG_PATH: config, ...env });
    const daemon = new PueueDaemon(home, runner, spawnDaemon(runner));
    await daemon.#answers();
    return daemon;
  }

  get state(): string {
    return readFileSync(join(this.home, "data", "state.json"), "utf8");
  }

  /** Runs pueue's client as a person would. @returns what it printed */
  async pueue(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.runner.exec(["pueue", ...words], { cwd: "/", input: "" });
    if (code !== 0) throw new Error(`pueue ${words.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  /** An empty queue again, its groups gone. */
  async reset(): Promise<void> {
    await this.pueue("reset", "--force");
    for (;;) {
      const document = stateSchema.parse(JSON.parse(await this.pueue("status", "--json")));
      const groups = Object.entries(document.groups);
      if (Object.keys(document.tasks).length === 0 && groups.every(([, { status }]) => status !== "Reset")) {
        for (const [name] of groups) if (name !== "default") await this.pueue("group", "remove", name);
        return;
      }
      await delay(50);
    }
  }

  /** As a crash or a reboot: nothing gets to clean up. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }

  /** After `kill`. A dying socket may still accept for a moment, and the new daemon then refuses: see `#answers`. */
  async restart(): Promise<void> {
    await delay(500);
    this.#process = spawnDaemon(this.runner);
    await this.#answers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    // SIGTERM: the daemon ends its tasks too.
    this.#process.kill("SIGTERM");
    await once(this.#process, "exit");
  }

  async #answers(): Promise<void> {
    for (let attempt = 0; attempt < 1000; attempt += 1) {
      const { code } = await this.runner.exec(["pueue", "status", "--json"], { cwd: "/", input: "" });
      if (code === 0) return;
      if (this.#process.exitCode !== null) this.#process = spawnDaemon(this.runner);
      await delay(100);
    }
    throw new Error("pueued does not answer");
  }
}

function spawnDaemon(runner: LocalRunner): ChildProcess {
  return spawn("pueued", ["--config", runner.env["PUEUE_CONFIG_PATH"] ?? ""], { env: runner.env, stdio: "ignore" });
}
