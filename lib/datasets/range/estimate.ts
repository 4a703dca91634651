import { addDays, daysBetween, type Day } from "../../model/day.ts";
import { seriesId, unitId, type RangeSeries } from "../../model/series.ts";
import type { DaySpan } from "./day-spans.ts";
import type { SymbolWork } from "./populate.ts";

/** What building a unit is expected to take. First guesses, from the archive's size; durations are this order, not a promise. */
export interface UnitEstimate {
  readonly unit: string;
  readonly from: string;
  readonly to: string;
  readonly days: number;
  /** Bytes of archives to read; shared by the units of a job. */
  readonly archiveBytes: number;
  readonly bars: number;
  /** Bytes the bars will take in the store. */
  readonly storeBytes: number;
  readonly memoryBytes: number;
  readonly seconds: number;
}

/** What one pass over a span's archives is expected to take, and the units that share it. */
export interface SpanEstimate {
  readonly units: readonly UnitEstimate[];
  /** Of archives that are not on this machine yet. */
  readonly fetchBytes: number;
  readonly seconds: number;
}

/** Zipped bytes of one aggregate trade, as daily archives of the last years have them. */
const zippedBytesPerTrade = 16;
/** One store row of the base profile on disk. */
const storeBytesPerBar = 180;
/** What a job may hold, bytes: the idle engine, the core's buffers and the block being written. */
export const firstMemoryGuess = 450 * 1024 ** 2;
/** End to end with checksum, on two cores. */
const tradesPerSecond = 5_000_000;
/** A calm day of a liquid symbol at 250 dbps; a random walk crosses a band in a time that grows with its square. */
const barsPerDayAt250 = 300;

/** Estimates one symbol's job over a span of days. Asks the source for the size of three of them. */
export async function estimateSpan(work: SymbolWork, span: DaySpan): Promise<SpanEstimate> {
  const days = daysBetween(span.from, span.to) + 1;
  const bytesPerDay = await sampleDayBytes(work, span, days);
  const units = work.series.flatMap((series, i) => {
    const from = span.needs[i];
    return from === undefined ? [] : [estimateUnit(series, span, from, bytesPerDay)];
  });
  const archiveBytes = Math.round(bytesPerDay * days);
  const fetchBytes = Math.round(bytesPerDay * (await work.source.daysToFetch(span.from, span.to)));
  return { units, fetchBytes, seconds: archiveBytes / zippedBytesPerTrade / tradesPerSecond };
}

function estimateUnit(series: RangeSeries, span: DaySpan, from: Day, bytesPerDay: number): UnitEstimate {
  const days = daysBetween(from, span.to) + 1;
  const archiveBytes = Math.round(bytesPerDay * days);
  const trades = archiveBytes / zippedBytesPerTrade;
  const walk = barsPerDayAt250 * days * (250 / series.threshold) ** 2;
  const bars = Math.round(Math.min(walk, trades / 2));
  return {
    unit: unitId(seriesId(series), span.segment.id),
    from,
    to: span.to,
    days,
    archiveBytes,
    bars,
    storeBytes: bars * storeBytesPerBar,
    memoryBytes: firstMemoryGuess,
    seconds: trades / tradesPerSecond,
  };
}

/** The mean of the first, middle and last day's archive; days without one are left out. */
async function sampleDayBytes(work: SymbolWork, span: DaySpan, days: number): Promise<number> {
  const sampled = [...new Set([0, Math.floor(days / 2), days - 1])].map((offset) => addDays(span.from, offset));
  const sizes = await Promise.all(sampled.map(async (day) => work.source.sizeOf(day)));
  const known = sizes.filter((size) => size !== undefined);
  return known.length === 0 ? 0 : known.reduce((sum, size) => sum + size, 0) / known.length;
}
