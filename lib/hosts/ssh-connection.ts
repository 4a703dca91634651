import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { Duplex } from "node:stream";
import { Client, type ClientChannel, type SFTPWrapper } from "ssh2";
import { Failure } from "../model/errors.ts";
import { credentialsFor, notAuthenticated } from "./credentials.ts";
import { hostLost, hostUnreachable } from "./errors.ts";
import { HostKeyCheck, type VerifiedKey } from "./host-key.ts";
import type { Endpoint } from "./host.ts";
import { Slots } from "./slots.ts";
import type { SshTarget } from "./ssh-target.ts";

/** Times of a connection, in milliseconds. */
export interface ConnectionTimes {
  /** From the first packet until the login is done. */
  readonly readyTimeoutMs: number;
  /** A peer that is silent for `keepaliveCountMax + 1` of these is gone. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveCountMax: number;
}

/** Of sshd's ten sessions a connection: eight for work, two for ending work. What is beyond them is refused, not queued. */
const workSessionsMax = 8;
const killSessionsMax = 2;

/** CONNECT_FAILED and RESOURCE_SHORTAGE of the protocol: no more sessions. */
const sessionsExhausted: ReadonlySet<unknown> = new Set([2, 4]);

/** One SSH connection: sessions on it, and what becomes of them when it is lost. */
export class SshConnection {
  /** `user@address:port`, with the hosts that lead to it. */
  readonly address: string;
  readonly hostKey: VerifiedKey;
  /** Aborted with HOST_LOST, or with nothing to say after {@link end}. */
  readonly lost: AbortSignal;
  readonly #name: string;
  readonly #client: Client;
  readonly #work = new Slots(workSessionsMax);
  readonly #kills = new Slots(killSessionsMax);

  private constructor(name: string, address: string, client: Client, hostKey: VerifiedKey, lost: AbortSignal) {
    this.#name = name;
    this.address = address;
    this.#client = client;
    this.hostKey = hostKey;
    this.lost = lost;
  }

  /**
   * Connects along the hops, each through the one before; losing one loses those behind it.
   * @throws RetryableError HOST_UNREACHABLE; RefusedError HOST_KEY_…; ConfigurationError HOST_AUTH, SSH_KEY_ENCRYPTED
   */
  static async open(way: readonly SshTarget[], times: ConnectionTimes, signal: AbortSignal): Promise<SshConnection> {
    let before: SshConnection | undefined;
    let last: SshConnection | undefined;
    for (const target of way) {
      try {
        last = await SshConnection.#openOne(target, before, times, signal);
      } catch (error) {
        before?.end();
        throw error;
      }
      const below = before;
      last.lost.addEventListener("abort", () => below?.end(), { once: true });
      before = last;
    }
    if (last === undefined) throw new TypeError("a way without hosts");
    return last;
  }

  static async #openOne(
    target: SshTarget,
    through: SshConnection | undefined,
    times: ConnectionTimes,
    signal: AbortSignal,
  ): Promise<SshConnection> {
    const own = `${target.user}@${target.host}:${target.port}`;
    const address = through === undefined ? own : `${own} through ${through.address}`;
    const credentials = credentialsFor(target);
    const check = new HostKeyCheck(target);
    const client = new Client();
    const lost = new AbortController();
    let cause: Error | undefined;
    client.on("error", (error) => (cause ??= error));
    client.once("close", () => lost.abort(hostLost(target.alias, cause)));
    try {
      const sock = await (through?.forward(target) ?? openSocket(target, times.readyTimeoutMs, signal));
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => client.destroy(), { once: true, signal: lost.signal });
        client.once("ready", resolve).once("error", reject);
        // A server that goes away says no more than this.
        client.once("close", () => reject(new Error("the server closed the connection")));
        client.connect({
          sock,
          username: target.user,
          authHandler: credentials.methods,
          algorithms: { serverHostKey: check.algorithms() },
          hostVerifier: (key: Buffer) => check.accepts(key),
          readyTimeout: times.readyTimeoutMs,
          keepaliveInterval: times.keepaliveIntervalMs,
          keepaliveCountMax: times.keepaliveCountMax,
        });
      });
    } catch (error) {
      client.destroy();
      signal.throwIfAborted();
      if (check.refusal !== undefined) throw check.refusal;
      if (error instanceof Failure) throw error;
      if (error instanceof Error && "level" in error && error.level === "client-authentication") {
        throw notAuthenticated(target, credentials);
      }
      throw hostUnreachable(target.alias, address, error);
    }
    if (check.verified === undefined) throw new TypeError("a connection whose host key nobody looked at");
    return new SshConnection(target.alias, address, client, check.verified, lost.signal);
  }

  /** Starts a command on a session of its own, when one is free. @throws RetryableError HOST_LOST; the signal's reason */
  async openSession(command: string, signal?: AbortSignal): Promise<ClientChannel> {
    return this.#openIn(this.#work, signal, (done) => this.#client.exec(command, done));
  }

  /** A session for a command that ends another one: work does not keep it waiting. */
  async openKillSession(command: string): Promise<ClientChannel> {
    return this.#openIn(this.#kills, undefined, (done) => this.#client.exec(command, done));
  }

  /** A file transfer session; it takes the place of a command. */
  async openSftp(): Promise<SFTPWrapper> {
    return this.#openIn(this.#work, undefined, (done) => this.#client.sftp(done));
  }

  /** A TCP connection from there. @throws the protocol's error, with its `reason` */
  async forward({ host, port }: Endpoint): Promise<Duplex> {
    this.lost.throwIfAborted();
    const stream = new Promise<Duplex>((resolve, reject) => {
      this.#client.forwardOut("127.0.0.1", 0, host, port, (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(error);
      });
    });
    return stream.catch((error: unknown) => {
      throw this.#explain(error);
    });
  }

  end(): void {
    this.#client.end();
    // A peer that answers no more would keep it open.
    this.#client.destroy();
  }

  async #openIn<Session extends ClientChannel | SFTPWrapper>(
    slots: Slots,
    signal: AbortSignal | undefined,
    open: (done: (error: Error | undefined, session: Session) => void) => void,
  ): Promise<Session> {
    const waiting = signal === undefined ? this.lost : AbortSignal.any([signal, this.lost]);
    for (;;) {
      const release = await slots.take(waiting);
      try {
        const session = await new Promise<Session>((resolve, reject) => {
          open((error, opened) => (error === undefined ? resolve(opened) : reject(error)));
        });
        session.once("close", release);
        return session;
      } catch (error) {
        // A server that allows fewer than usual says so in this way only.
        const isFull = error instanceof Error && "reason" in error && sessionsExhausted.has(error.reason);
        const mayWait = isFull && slots.lower();
        release();
        if (!mayWait) throw this.#explain(error);
      }
    }
  }

  /** Where the server has not said no, it has said nothing: the connection is lost, or about to be. */
  #explain(error: unknown): unknown {
    if (this.lost.aborted) return this.lost.reason;
    const isAnswer = error instanceof Error && "reason" in error;
    return isAnswer || error instanceof Failure ? error : hostLost(this.#name, error);
  }
}

/** Our own socket: without TCP_NODELAY from its first packet on, ssh2 waits 40 ms at every turn. */
async function openSocket(target: SshTarget, timeoutMs: number, signal: AbortSignal): Promise<Duplex> {
  const socket = connectSocket({ host: target.host, port: target.port, noDelay: true });
  try {
    await once(socket, "connect", { signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]) });
    return socket;
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    const isLate = error instanceof Error && error.name === "AbortError";
    throw isLate ? new Error(`no answer in ${timeoutMs} ms`, { cause: error }) : error;
  }
}
