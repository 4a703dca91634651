import { dayStartMs, type Day } from "../../lib/model/day.ts";

/** An aggregate trade as a daily archive has it; prices and quantities are the archive's text. */
export interface RigTrade {
  readonly id: number;
  readonly price: string;
  readonly quantity: string;
  readonly firstId: number;
  readonly lastId: number;
  /** Microseconds since the epoch. */
  readonly timeUs: number;
  readonly buyerMaker: boolean;
}

export interface WalkOptions {
  readonly day: Day;
  /** How many aggregate trades. */
  readonly count: number;
  /** The first aggregate id; give `previous.at(-1).id + 1` for a day that continues another. */
  readonly firstId?: number;
  readonly firstFillId?: number;
  /** In ticks of 0.01. */
  readonly startTicks?: number;
  /** The largest step between two trades, in ticks. */
  readonly stepTicks?: number;
  readonly seed?: number;
  /** Positions (from 0) at which a ghost row stands in place of a trade: price 0, quantity 0, fill ids -1. */
  readonly ghostsAt?: readonly number[];
}

/**
 * A random walk over one day, the same for the same options: times that rise and often repeat, whole milliseconds, fills that
 * follow each other.
 */
export function walkTrades(options: WalkOptions): RigTrade[] {
  const { day, count, firstId = 1, stepTicks = 40 } = options;
  const random = randomNumbers(options.seed ?? 1);
  const ghosts = new Set(options.ghostsAt);
  const startUs = dayStartMs(day) * 1000;
  const spacingMs = Math.floor((86_400_000 - 1) / count);
  let ticks = options.startTicks ?? 6_000_000;
  let fillId = options.firstFillId ?? firstId;
  let slot = 0;
  return Array.from({ length: count }, (_, position) => {
    // A third of the trades share the time of the one before.
    if (position > 0 && random() > 1 / 3) slot = position;
    const timeUs = startUs + slot * spacingMs * 1000;
    const id = firstId + position;
    if (ghosts.has(position)) {
      return { id, price: "0.0", quantity: "0.0", firstId: -1, lastId: -1, timeUs, buyerMaker: true };
    }
    ticks = Math.max(1, ticks + Math.round((random() * 2 - 1) * stepTicks));
    const fills = 1 + Math.floor(random() * 3);
    const trade: RigTrade = {
      id,
      price: (ticks / 100).toFixed(2),
      quantity: (0.00001 + random() ** 4 * 3).toFixed(5),
      firstId: fillId,
      lastId: fillId + fills - 1,
      timeUs,
      buyerMaker: random() < 0.5,
    };
    fillId += fills;
    return trade;
  });
}

/** How the text of an archive looks; the exchange's own habits changed over the years. */
export interface CsvOptions {
  /** A header line first, as in most futures files. */
  readonly header?: boolean;
  /** 8 with `is_best_match`, as spot files have; 7 as futures files have. */
  readonly columns?: 7 | 8;
  /** Spot files are in µs from 2025-01-01. */
  readonly timeUnit?: "ms" | "us";
  readonly booleans?: "True" | "true";
  readonly lineEnd?: "\n" | "\r\n";
}

const headerNames = [
  "agg_trade_id",
  "price",
  "quantity",
  "first_trade_id",
  "last_trade_id",
  "transact_time",
  "is_buyer_maker",
  "is_best_match",
];

/** The trades as an archive's text; spot's present habits unless told otherwise. */
export function csvOf(trades: readonly RigTrade[], options: CsvOptions = {}): string {
  const { header = false, columns = 8, timeUnit = "ms", booleans = "True", lineEnd = "\n" } = options;
  const [yes, no] = booleans === "True" ? ["True", "False"] : ["true", "false"];
  const lines = trades.map((trade) => {
    const time = timeUnit === "us" ? trade.timeUs : Math.floor(trade.timeUs / 1000);
    const { id, price, quantity, firstId, lastId, buyerMaker } = trade;
    return [id, price, quantity, firstId, lastId, time, buyerMaker ? yes : no, yes].slice(0, columns).join(",");
  });
  if (header) lines.unshift(headerNames.slice(0, columns).join(","));
  return lines.map((line) => line + lineEnd).join("");
}

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
