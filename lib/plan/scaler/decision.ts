import type { MemoryLedger } from "../ledger.ts";
import type { StopAsked } from "./danger.ts";
import type { HostReading } from "./reading.ts";

/** What has to be remembered of a host from one decision to the next. */
export interface ScalerState {
  readonly isAdmitting: boolean;
  readonly upAtMs: number | undefined;
  readonly downAtMs: number | undefined;
  readonly killedAtMs: number | undefined;
  /** So many tasks at once were too much, as was seen at that time. */
  readonly ceiling: { readonly tasks: number; readonly seenAtMs: number } | undefined;
  /** Units asked to stop at their next commit that still run. */
  readonly stops: readonly StopAsked[];
}

export const initialState: ScalerState = {
  isAdmitting: true,
  upAtMs: undefined,
  downAtMs: undefined,
  killedAtMs: undefined,
  ceiling: undefined,
  stops: [],
};

/** Why a group is held: the host is drained, memory is short, or `jobs_max` has no place for it. */
export type HoldCause = "drained" | "memory" | "jobs_max";

/** Something to be done on the host, in this order. */
export type Action =
  | {
      readonly action: "set parallel";
      readonly group: string;
      readonly from: number;
      readonly to: number;
      readonly reason: string;
    }
  | { readonly action: "stop admitting" | "admit again"; readonly reason: string }
  /** It starts nothing until it is let go; what runs there goes on. */
  | { readonly action: "hold group"; readonly group: string; readonly why: HoldCause; readonly reason: string }
  | { readonly action: "let group go"; readonly group: string; readonly parallel: number; readonly reason: string }
  /** The unit commits what it has and ends; it is queued again and goes on from there. `kill` does not wait for the commit. */
  | {
      readonly action: "stop at commit" | "kill";
      readonly unit: string;
      readonly group: string;
      readonly reason: string;
    };

/** What became of one group, and why; also where it stays as it is. */
export interface GroupOutcome {
  readonly group: string;
  readonly running: number;
  readonly queued: number;
  readonly from: number | "unlimited" | undefined;
  /** Undefined where the group is not acted on. */
  readonly to: number | undefined;
  readonly reason: string;
}

/** One decision about one host: all its groups and one memory ledger. */
export interface Decision {
  readonly host: string;
  readonly atMs: number;
  /** `share`: only the places of `jobs_max` change hands; `none`: too little is known, so nothing is done. */
  readonly verdict: "up" | "down" | "share" | "hold" | "relief" | "none";
  readonly reason: string;
  /** May jobs be admitted until the next decision? */
  readonly isAdmitting: boolean;
  /** How soon to look and decide again. */
  readonly lookAgainMs: number;
  readonly actions: readonly Action[];
  readonly groups: readonly GroupOutcome[];
  /** What runs and is queued, against the budget; undefined where the queue is not known. */
  readonly ledger: MemoryLedger | undefined;
  readonly reading: HostReading;
  readonly state: ScalerState;
}
