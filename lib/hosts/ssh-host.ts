import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Duplex } from "node:stream";
import { RetryableError } from "../model/errors.ts";
import { unlessAborted } from "./abort.ts";
import { collect } from "./collect.ts";
import { hostLost, shellUnusable } from "./errors.ts";
import { forwardFailure } from "./forward-failure.ts";
import { chunksOf } from "./local-files.ts";
import type { Endpoint, ExecOptions, ExecResult, Host, HostIdentity, RunningCommand, RunOptions } from "./host.ts";
import { wrapCommand } from "./quote.ts";
import { readSmallFile, replaceFile, type FileSession } from "./sftp.ts";
import { commandOn } from "./ssh-command.ts";
import type { ConnectionTimes, SshConnection } from "./ssh-connection.ts";
import { resolveWay } from "./ssh-target.ts";

export interface SshHostOptions extends ConnectionTimes {
  /** Instead of the user's and the system's SSH configuration. */
  readonly configFile: string | undefined;
  /** Attempts to connect, and the wait between them: the first, doubled each time. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

export const sshHostDefaults: Omit<SshHostOptions, "configFile"> = {
  readyTimeoutMs: 15_000,
  keepaliveIntervalMs: 5_000,
  keepaliveCountMax: 3,
  attempts: 5,
  firstDelayMs: 250,
  maxDelayMs: 5_000,
};

/** What a POSIX shell hands on unread, and others do not. */
const shellProbe = "a'b\\n!$(x)`y`\n*";

/** A host over one SSH connection, made at the first use and again after a loss. */
export class SshHost implements Host {
  readonly name: string;
  readonly #alias: string;
  readonly #options: SshHostOptions;
  readonly #closing = new AbortController();
  /** Nothing that a login prints begins so. */
  readonly #mark = `barkeep-${randomBytes(8).toString("hex")}`;
  #connection: Promise<SshConnection> | undefined;

  /** @param alias a Host of the SSH configuration */
  constructor(name: string, alias: string, options: SshHostOptions) {
    this.name = name;
    this.#alias = alias;
    this.#options = options;
  }

  async identify(): Promise<HostIdentity> {
    const { address, hostKey } = await this.#connected();
    return { address, key: hostKey };
  }

  async exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    return collect(this.name, await this.start(argv, options), options);
  }

  async start(argv: readonly string[], options: RunOptions): Promise<RunningCommand> {
    const text = wrapCommand(argv, options, this.#mark);
    return this.#startOn(await this.#connected(options.signal), text, options);
  }

  async upload(localPath: string, path: string, mode = 0o644): Promise<void> {
    await this.#withSftp((session) => replaceFile(session, path, chunksOf(localPath), mode));
  }

  async writeFile(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
    await this.#withSftp((session) => replaceFile(session, path, [Buffer.from(content)], mode));
  }

  async readFile(path: string): Promise<Buffer | undefined> {
    return this.#withSftp((session) => readSmallFile(session, path));
  }

  async connect(endpoint: Endpoint): Promise<Duplex> {
    const connection = await this.#connected();
    try {
      return await connection.forward(endpoint);
    } catch (error) {
      throw forwardFailure(this.name, endpoint, error);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(hostLost(this.name, new Error("it was closed here")));
    const [connection] = await Promise.allSettled([this.#connection]);
    if (connection.status === "fulfilled") connection.value?.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #startOn(connection: SshConnection, text: string, options: RunOptions): Promise<RunningCommand> {
    const channel = await connection.openSession(text, options.signal);
    channel.end(options.input);
    return commandOn(connection, channel, { host: this.name, cwd: options.cwd, mark: this.#mark });
  }

  async #withSftp<Value>(work: (session: FileSession) => Promise<Value>): Promise<Value> {
    const connection = await this.#connected();
    const sftp = await connection.openSftp();
    try {
      return await work({ host: this.name, sftp, lost: connection.lost });
    } catch (error) {
      connection.lost.throwIfAborted();
      throw error;
    } finally {
      sftp.end();
    }
  }

  /** The connection there is, or a new one; who comes while it is being made waits for the same. */
  async #connected(signal?: AbortSignal): Promise<SshConnection> {
    this.#closing.signal.throwIfAborted();
    this.#connection ??= this.#keep(this.#connectWithBackOff());
    return unlessAborted(this.#connection, signal);
  }

  #keep(connecting: Promise<SshConnection>): Promise<SshConnection> {
    const forget = (): void => {
      if (this.#connection === connecting) this.#connection = undefined;
    };
    connecting.then(({ lost }) => (lost.aborted ? forget() : lost.addEventListener("abort", forget)), forget);
    return connecting;
  }

  async #connectWithBackOff(): Promise<SshConnection> {
    const { attempts, firstDelayMs, maxDelayMs } = this.#options;
    const { signal } = this.#closing;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#connectOnce(signal);
      } catch (error) {
        if (!(error instanceof RetryableError) || attempt >= attempts || signal.aborted) throw error;
        const delayMs = Math.min(firstDelayMs * 2 ** (attempt - 1), maxDelayMs);
        // Apart from each other: many programs lose the same host in the same moment.
        await unlessAborted(sleep(delayMs * (0.5 + Math.random() / 2)), signal);
      }
    }
  }

  async #connectOnce(signal: AbortSignal): Promise<SshConnection> {
    const way = await resolveWay(this.#alias, this.#options.configFile);
    // Loaded by who connects: with ssh2 it takes longer to load than most commands that stay on this machine have to do.
    const { SshConnection: connections } = await import("./ssh-connection.ts");
    const connection = await connections.open(way, this.#options, signal);
    try {
      await this.#checkShell(connection);
      return connection;
    } catch (error) {
      connection.end();
      throw error;
    }
  }

  /** Also the session after which sshd sends small packets without delay: it would not, for tunnels alone. */
  async #checkShell(connection: SshConnection): Promise<void> {
    const options = { cwd: "/", timeoutMs: this.#options.readyTimeoutMs };
    const text = wrapCommand(["printf", "%s", shellProbe], options, this.#mark);
    const { stdout, stderr } = await collect(this.name, await this.#startOn(connection, text, options), options);
    if (stdout !== shellProbe) throw shellUnusable(this.name, stderr.trim().slice(0, 200));
  }
}
