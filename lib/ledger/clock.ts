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
}

/** The machine's own. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicNs: () => process.hrtime.bigint(),
  get boot() {
    return (bootId ??= readBootId());
  },
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
