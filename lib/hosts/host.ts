import type { Duplex, Readable } from "node:stream";
import type { VerifiedKey } from "./host-key.ts";

/** How a command is run. */
export interface RunOptions {
  /** Absolute: where a command works is never left to a login's home. */
  readonly cwd: string;
  /** The whole standard input; without it the command reads its end at once. The way for secrets: no process list shows it. */
  readonly input?: string | Uint8Array;
  /** Set over the account's own environment. Seen by who may list processes: no secrets. */
  readonly env?: Readonly<Record<string, string>>;
  /** The command's processes are ended at its abort. */
  readonly signal?: AbortSignal;
}

/** {@link RunOptions} of a command whose end is waited for. */
export interface ExecOptions extends RunOptions {
  /** The command's processes are ended after so long, and the call fails with HOST_TIMEOUT. */
  readonly timeoutMs?: number;
  /** Bound of stdout and of stderr, 64 MiB unless given; more ends the command with HOST_OUTPUT. */
  readonly outputBytesMax?: number;
}

/** How a command ended: a code, or the signal that ended it. */
export interface CommandEnd {
  readonly code: number | null;
  /** With its prefix: `SIGKILL`. */
  readonly signal: string | null;
}

export interface ExecResult extends CommandEnd {
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. Both streams must be read: its end is seen after theirs. */
export interface RunningCommand {
  /** Also its process group's. */
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Rejects with RetryableError HOST_LOST where the end cannot be known. */
  readonly ended: Promise<CommandEnd>;
  /** Ends its process group, SIGTERM first, SIGKILL where that was not enough; returns when it has ended or cannot be reached. */
  readonly kill: () => Promise<void>;
}

/** Who a host is, once it has been reached. */
export interface HostIdentity {
  /** `user@address:port`, with the hosts that lead to it. */
  readonly address: string;
  /** Undefined for this machine, which needs none. */
  readonly key: VerifiedKey | undefined;
}

/** A port as the host sees it. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * A machine on which work runs: over SSH, or this one. A lost connection is RetryableError HOST_LOST and never a command's
 * failure; what had been started may still run there.
 */
export interface Host extends AsyncDisposable {
  readonly name: string;
  /** Connects, where there is no connection, and says to whom. @throws as {@link exec} */
  readonly identify: () => Promise<HostIdentity>;
  /**
   * Runs a program with exactly these arguments, no shell's reading of them, and waits for its end.
   * @throws RetryableError HOST_UNREACHABLE, HOST_LOST, HOST_TIMEOUT; ConfigurationError HOST_NO_FOLDER for a `cwd` that is not
   * there; RefusedError HOST_KEY_…; the signal's reason
   */
  readonly exec: (argv: readonly string[], options: ExecOptions) => Promise<ExecResult>;
  /** The same without waiting for its end, its output as streams. */
  readonly start: (argv: readonly string[], options: RunOptions) => Promise<RunningCommand>;
  /** Copies a file there whole: under a temporary name, to the disk, then renamed over what had the name. */
  readonly upload: (localPath: string, path: string, mode?: number) => Promise<void>;
  /** Writes a small file there whole, as {@link upload}. @param mode 0600 unless given */
  readonly writeFile: (path: string, content: string | Uint8Array, mode?: number) => Promise<void>;
  /** A small file, or undefined where there is none. */
  readonly readFile: (path: string) => Promise<Buffer | undefined>;
  /** A TCP connection from there. @throws RetryableError FORWARD_REFUSED, ConfigurationError FORWARD_PROHIBITED */
  readonly connect: (endpoint: Endpoint) => Promise<Duplex>;
  /** Ends the connection and what waits for it. Commands that run there go on. */
  readonly close: () => Promise<void>;
}
