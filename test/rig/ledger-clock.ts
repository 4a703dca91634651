import type { Clock } from "../../lib/ledger/index.ts";

/** A clock whose hands a test moves. */
export class HandMovedClock implements Clock {
  boot = "boot-1";
  #wallMs: number;
  #upNs = 3_600_000_000_000n;

  constructor(instant = "2024-03-05T09:00:00Z") {
    this.#wallMs = Date.parse(instant);
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicNs(): bigint {
    return this.#upNs;
  }

  /** Time goes by while the machine is awake. */
  pass(ms: number): void {
    this.#wallMs += ms;
    this.#upNs += BigInt(ms) * 1_000_000n;
  }

  /** Time goes by while the machine sleeps, or somebody sets the clock. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  /** The machine is off for so long, and starts anew. */
  reboot(offMs: number): void {
    this.#wallMs += offMs;
    this.#upNs = 0n;
    this.boot = `${this.boot}+`;
  }
}
