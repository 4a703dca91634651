import { once } from "node:events";
import { existsSync } from "node:fs";
import { access, constants } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { collect } from "./collect.ts";
import { folderMissing } from "./errors.ts";
import { forwardRefused } from "./forward-failure.ts";
import type {
  CommandEnd,
  Endpoint,
  ExecOptions,
  ExecResult,
  Host,
  HostIdentity,
  RunningCommand,
  RunOptions,
} from "./host.ts";
import { chunksOf, readLocalFile, replaceLocalFile } from "./local-files.ts";
import { checkCommand } from "./quote.ts";

/** What a login has; anything else of this process, its secrets above all, is not for the commands it starts. */
const loginVariables = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "TZ",
  "TMPDIR",
  "XDG_RUNTIME_DIR",
  "DBUS_SESSION_BUS_ADDRESS",
  "PUEUE_CONFIG_PATH",
  "SLURM_CONF",
];

/** What a shell says for a program that is not there, or cannot be run. */
const notFoundCode = 127;
const notRunnableCode = 126;

const killAfterMs = 2_000;
const killPollMs = 50;

/** This machine: the same interface without SSH. */
export class LocalHost implements Host {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async identify(): Promise<HostIdentity> {
    return { address: "this machine", key: undefined };
  }

  async exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    return collect(this.name, await this.start(argv, options), options);
  }

  async start(argv: readonly string[], options: RunOptions): Promise<RunningCommand> {
    checkCommand(argv, options.cwd);
    options.signal?.throwIfAborted();
    await access(options.cwd, constants.X_OK).catch(() => {
      throw folderMissing(this.name, options.cwd);
    });
    const [file = "", ...words] = argv;
    // Loaded by who starts a program: a hundred modules that most commands do not need.
    const { execa } = await import("execa");
    const child = execa(file, words, {
      cwd: options.cwd,
      env: { ...loginEnvironment(), ...options.env },
      extendEnv: false,
      // A process group of its own, to be ended whole, as a session's is.
      detached: true,
      cleanup: false,
      buffer: false,
      reject: false,
      encoding: "buffer",
      ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    });
    // Never rejects: a program that could not be started ended with a shell's code for that.
    const ended = endOf(child);
    return {
      pid: child.pid ?? 0,
      stdout: child.stdout,
      stderr: child.stderr,
      ended,
      kill: async () => killGroup(child.pid, ended),
    };
  }

  async upload(localPath: string, path: string, mode = 0o644): Promise<void> {
    await this.#replace(path, chunksOf(localPath), mode);
  }

  async writeFile(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
    await this.#replace(path, [Buffer.from(content)], mode);
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    return readLocalFile(path);
  }

  async connect({ host, port }: Endpoint): Promise<Duplex> {
    const socket = connect({ host, port, noDelay: true });
    try {
      await once(socket, "connect");
      return socket;
    } catch (error) {
      throw forwardRefused(this.name, { host, port }, error);
    }
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  async #replace(path: string, content: AsyncIterable<Buffer> | Iterable<Buffer>, mode: number): Promise<void> {
    const folder = dirname(path);
    if (!existsSync(folder)) throw folderMissing(this.name, folder);
    await replaceLocalFile(path, content, mode);
  }
}

function loginEnvironment(): Record<string, string> {
  const all = loginVariables.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  /** Of a program that could not be started. */
  readonly code?: string | undefined;
}

async function endOf(child: PromiseLike<Ended>): Promise<CommandEnd> {
  const { exitCode, signal, code } = await child;
  if (signal !== undefined) return { code: null, signal };
  return { code: exitCode ?? (code === "ENOENT" ? notFoundCode : notRunnableCode), signal: null };
}

/** SIGTERM, two seconds, SIGKILL; for all that the command has started and that did not leave its group. */
async function killGroup(pid: number | undefined, ended: Promise<CommandEnd>): Promise<void> {
  if (pid === undefined) return;
  const send = (signal: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-pid, signal);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
      throw error;
    }
  };
  const until = performance.now() + killAfterMs;
  let isAlive = send("SIGTERM");
  while (isAlive && performance.now() < until) {
    await sleep(killPollMs);
    isAlive = send(0);
  }
  if (isAlive) send("SIGKILL");
  await ended;
}
