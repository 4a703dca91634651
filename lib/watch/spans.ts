import { isDeclaredBetween } from "../config/index.ts";
import { dayOfMs, type Day } from "../model/day.ts";
import type { BarPair, LongBar, UnitOutline } from "../store/index.ts";
import type { AccountedBreak } from "./gap-rules.ts";
import { continuityClass, type ContinuityClass } from "./price-class.ts";
import type { SeriesWish } from "./wish.ts";

/**
 * What the ids say of a long time: none is missing, so that the market was slow; some are missing, and that is a hole, or a declared or an
 * accepted one; or rows that are no trades may lie there, of which only the number is known, in a unit whose bars are not proven. Where they are proven,
 * every id that no bar has was such a row.
 */
export type SpanProof = "contiguous" | "hole" | "declared" | "accepted" | "not-provable";

/** Two bars that follow each other late, or at another price. */
export interface Span {
  readonly series: string;
  readonly fromUs: bigint;
  readonly toUs: bigint;
  /** Prices × 1e8. */
  readonly closeBefore: bigint;
  readonly openAfter: bigint;
  readonly jumpDbps: number;
  readonly continuity: ContinuityClass;
  readonly isLong: boolean;
  readonly isJump: boolean;
  readonly beforeLastId: bigint;
  readonly firstId: bigint;
  readonly proof: SpanProof;
}

/** A bar that took longer than is usual. */
export interface DurationAnomaly {
  readonly bar: LongBar;
  readonly hours: number;
  /** From its low to its high, of its open. */
  readonly rangeDbps: number;
  readonly proof: ProofOfIds;
}

/** What ids alone say, whoever has accounted for those that are missing. */
type ProofOfIds = Exclude<SpanProof, "declared" | "accepted">;

/** From where on a pair of bars is listed. */
export interface SpanLimits {
  readonly spanUs: bigint;
  readonly jumpDbps: number | undefined;
}

/** What a pair of bars is. Pure. @param isProven whether the bars of both units are those that were committed */
export function spanOf(
  pair: BarPair,
  wish: SeriesWish,
  unit: UnitOutline | undefined,
  isProven: boolean,
  limits: SpanLimits,
): Span {
  const { series, beforeCloseUs, closeUs, beforeClose, open, beforeLastId, firstId } = pair;
  const jumpDbps = dbpsBetween(beforeClose, open);
  return {
    series,
    fromUs: beforeCloseUs,
    toUs: closeUs,
    closeBefore: beforeClose,
    openAfter: open,
    jumpDbps,
    continuity: continuityClass(jumpDbps, wish.key.threshold, wish.entry.assetClass),
    isLong: closeUs - beforeCloseUs >= limits.spanUs,
    isJump: limits.jumpDbps !== undefined && jumpDbps >= limits.jumpDbps,
    beforeLastId,
    firstId,
    proof: proofOf(pair, wish, unit, isProven),
  };
}

function proofOf(pair: BarPair, wish: SeriesWish, unit: UnitOutline | undefined, isProven: boolean): SpanProof {
  const proof = proofOfMissing(pair.firstId - pair.beforeLastId - 1n, unit, isProven);
  if (proof !== "hole") return proof;
  return isDeclaredBetween(wish.entry, dayOfUs(pair.beforeCloseUs), dayOfUs(pair.closeUs)) ? "declared" : "hole";
}

function proofOfMissing(missing: bigint, unit: UnitOutline | undefined, isProven: boolean): ProofOfIds {
  if (missing === 0n) return "contiguous";
  if (missing < 0n || missing > BigInt(unit?.quarantined ?? 0)) return "hole";
  return isProven ? "contiguous" : "not-provable";
}

/** The same, where a person has accepted that the ids of a hole are missing. Pure. @param breaks of all series' coverage, by series */
export function withAcceptance(
  spans: readonly Span[],
  breaks: ReadonlyMap<string, readonly AccountedBreak[]>,
): readonly Span[] {
  const isAccepted = ({ series, beforeLastId, firstId }: Span): boolean =>
    breaks
      .get(series)
      ?.some(
        ({ at, account }) =>
          account?.by === "acceptance" && at.beforeThroughId <= beforeLastId && firstId <= at.afterFromId,
      ) === true;
  return spans.map((span) => (span.proof === "hole" && isAccepted(span) ? { ...span, proof: "accepted" } : span));
}

/** What a long bar is: all trades between its first and its last one, or not. Pure. @param isProven as for {@link spanOf} */
export function durationAnomalyOf(bar: LongBar, unit: UnitOutline | undefined, isProven: boolean): DurationAnomaly {
  return {
    bar,
    hours: Number(bar.durationUs) / 3_600_000_000,
    rangeDbps: dbpsBetween(bar.open, bar.open + bar.high - bar.low),
    proof: proofOfMissing(bar.lastId - bar.firstId + 1n - bar.records, unit, isProven),
  };
}

/** How far a price is from another, of the first: 1 dbps = 0.001 %. */
export function dbpsBetween(from: bigint, to: bigint): number {
  return from === 0n ? 0 : (Math.abs(Number(to - from)) / Number(from)) * 100_000;
}

function dayOfUs(us: bigint): Day {
  return dayOfMs(Number(us / 1000n));
}
