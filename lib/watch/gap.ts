import type { Day } from "../model/day.ts";
import type { Absence } from "./absence.ts";

export const kindsOfGaps = ["leading", "interior", "trailing", "overlap", "stale", "revised", "unknown"] as const;
export type GapKind = (typeof kindsOfGaps)[number];

/** By age, not by length: P0 live edge, P1 ended under 48 hours ago, P2 older. */
export type GapPriority = "P0" | "P1" | "P2";

/**
 * Why it is there: days that are published and not built; an archive that lacks them; coverage whose bars the store has lost; bars
 * or coverage that are there twice; another bar version or profile than would be made today; an archive that was
 * replaced since; or nobody could look.
 */
export const causesOfGaps = [
  "not-built",
  "missing-upstream",
  "bars-lost",
  "doubled",
  "other-version",
  "archive-revised",
  "not-known",
] as const;
export type GapCause = (typeof causesOfGaps)[number];

/** The cause, where a text names one. A ledger may hold those of a later release. */
export function asGapCause(text: string | undefined): GapCause | undefined {
  return causesOfGaps.find((cause) => cause === text);
}

/** Whether building closes it. */
export function canBeBuilt(cause: GapCause): boolean {
  return cause !== "missing-upstream" && cause !== "not-known";
}

/** Days (and ids, where they are known) of one unit that are expected and not proven present, or present more than once. */
export interface Gap {
  readonly kind: GapKind;
  /** What a healing goes by: {@link canBeBuilt}. */
  readonly cause: GapCause;
  readonly priority: GapPriority;
  /** `range:binance/spot/BTCUSDT@250` */
  readonly series: string;
  /** `BTCUSDT@250:2024`; every gap lies in one unit. */
  readonly unit: string;
  readonly fromDay: Day;
  /** Inclusive. */
  readonly throughDay: Day;
  /** First missing (overlap: first doubled) aggregate-trade id. */
  readonly fromId?: bigint;
  /** Last missing (doubled) one. */
  readonly throughId?: bigint;
  /** One sentence: the proof. */
  readonly reason: string;
  /** Of whole days that are missing upstream: what shows it. Its times change; {@link reason} does not. */
  readonly absence?: Absence;
  /** Coverage alone does not show it, nor that it is over. */
  readonly isSeenInBars?: boolean;
  /** Of its days nobody could read what digest is published. */
  readonly isOfDigest?: boolean;
}
