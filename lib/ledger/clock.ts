import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * The time of a ledger's rows: the wall clock, for people, and beside it a clock that only goes forward while the machine is up,
 * so that a wall clock that was set back shows and reorders nothing.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Nanoseconds since the machine's start, the same count in every process. */
  monotonicNs(): bigint;
  /** Which start of the machine `monotonicNs` counts from; empty where the system does not say. */
  readonly boot: string;
  /**
   * When the machine last woke, milliseconds since the epoch, where `monotonicNs` goes on in sleep; undefined where it stands still
   * or the machine has not slept.
   */
  wokeMs?(): number | undefined;
}

/** The machine's own. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicNs: () => process.hrtime.bigint(),
  get boot() {
    return (bootId ??= readBootId());
  },
  wokeMs: () => (process.platform === "darwin" ? readWakeTime() : undefined),
};

let bootId: string | undefined;

function readBootId(): string {
  try {
    return process.platform === "linux"
      ? readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()
      : execFileSync("sysctl", ["-n", "kern.bootsessionuuid"], { encoding: "latin1" }).trim();
  } catch {
    return "";
  }
}

/** `{ sec = 1709629200, usec = 123456 } Tue Mar  5 09:00:00 2024`; all 0 where the machine has not slept since its start. */
function readWakeTime(): number | undefined {
  try {
    return parseWakeTime(execFileSync("sysctl", ["-n", "kern.waketime"], { encoding: "latin1" }));
  } catch {
    return undefined;
  }
}

/** What `sysctl -n kern.waketime` prints, as milliseconds since the epoch. */
export function parseWakeTime(text: string): number | undefined {
  const seconds = Number(/sec = (\d+)/.exec(text)?.[1] ?? 0);
  return seconds === 0 ? undefined : seconds * 1000;
}
