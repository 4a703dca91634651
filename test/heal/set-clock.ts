import type { Clock } from "../../lib/ledger/index.ts";

/** A clock whose hands a test sets. */
export class SetClock implements Clock {
  readonly boot = "boot-1";
  nowMs: number;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  wallMs(): number {
    return this.nowMs;
  }

  monotonicNs(): bigint {
    return BigInt(this.nowMs) * 1_000_000n;
  }
}
