import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ProcessEnvironment } from "../config/index.ts";

const run = promisify(execFile);
const sendTimeoutMs = 10_000;
/** Without a sign of life for so long the work counts as stuck, and its watchdog is left to bite. */
const stuckAfterMs = 3_600_000;

/** Sends one message to the service manager. */
type Send = (assignments: readonly string[]) => Promise<void>;

/**
 * What systemd is told of this service (sd_notify): that it is ready, what it does, that it is alive. It pings as long as the work
 * shows signs of life, so that a repair of hours is not killed and one that is stuck is. Elsewhere nothing is sent.
 */
export class ServiceManager {
  readonly #send: Send;
  readonly #nowMs: () => number;
  readonly #timer: NodeJS.Timeout | undefined;
  #lastBeatMs: number;
  #isResting = false;
  #isReady = false;
  #sending: Promise<void> = Promise.resolve();

  /**
   * @param watchdogMs how long it may be silent; undefined where nobody watches
   * @param nowMs a clock that only goes forward
   */
  constructor(send: Send, watchdogMs: number | undefined, nowMs: () => number = () => performance.now()) {
    this.#send = send;
    this.#nowMs = nowMs;
    this.#lastBeatMs = nowMs();
    if (watchdogMs === undefined) return;
    // More than twice within the time allowed, so that one late ping ends nothing.
    this.#timer = setInterval(() => this.#ping(), Math.max(1, Math.floor(watchdogMs / 3)));
    this.#timer.unref();
  }

  ready(): void {
    this.#isReady = true;
    this.#tell("READY=1");
  }

  /** One line for `systemctl status`. */
  status(text: string): void {
    this.#tell(`STATUS=${text.replaceAll("\n", " ")}`);
    // To who knows it already it says nothing; where the first one was lost, the service would be ended as one that never began.
    if (this.#isReady) this.#tell("READY=1");
  }

  /** A sign of life of the work. */
  beat(): void {
    this.#lastBeatMs = this.#nowMs();
  }

  /** There is nothing to do until `until` settles: silence is no sign of trouble. */
  async rest<T>(until: Promise<T>): Promise<T> {
    this.#isResting = true;
    try {
      return await until;
    } finally {
      this.#isResting = false;
      this.beat();
    }
  }

  /** The service ends. Settles when all has been sent. */
  async stopping(): Promise<void> {
    clearInterval(this.#timer);
    this.#tell("STOPPING=1");
    await this.#sending;
  }

  #ping(): void {
    if (this.#isResting || this.#nowMs() - this.#lastBeatMs < stuckAfterMs) this.#tell("WATCHDOG=1");
  }

  /** In order, one after the other. */
  #tell(assignment: string): void {
    this.#sending = this.#sending.then(async () => this.#send([assignment]));
  }
}

/**
 * The service manager that started this process, if one did.
 * @param note told once where messages do not get through: the work goes on
 */
export function serviceManagerOf(env: ProcessEnvironment, note: (line: string) => void): ServiceManager {
  const socket = env["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return new ServiceManager(async () => undefined, undefined);
  let isTold = false;
  // Node has no datagram sockets of the kind that systemd listens to; its own program has.
  const send = async (assignments: readonly string[]): Promise<void> => {
    try {
      // It waits until systemd has read it: what comes from a process that is gone by then is of no unit, and is ignored.
      await run("systemd-notify", [...assignments], {
        env: { PATH: process.env["PATH"], NOTIFY_SOCKET: socket },
        timeout: sendTimeoutMs,
      });
    } catch (error) {
      if (!isTold) note(`systemd could not be told (${String(error)}); the work goes on`);
      isTold = true;
    }
  };
  return new ServiceManager(send, watchdogMs(env));
}

/** systemd names the process that it watches; another one that inherited the environment need not ping. */
function watchdogMs(env: ProcessEnvironment): number | undefined {
  const usec = Number(env["WATCHDOG_USEC"] ?? "");
  const pid = env["WATCHDOG_PID"];
  if (!Number.isInteger(usec) || usec <= 0) return undefined;
  return pid === undefined || pid === "" || Number(pid) === process.pid ? usec / 1000 : undefined;
}
