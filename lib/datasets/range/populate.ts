import { isDeclaredBetween, isKnownGap, type SymbolEntry } from "../../config/index.ts";
import { addDays, type Day } from "../../model/day.ts";
import { Failure, RefusedError, RetryableError, UpstreamDataError } from "../../model/errors.ts";
import { segmentOf, type Segment, type SegmentId, type Segmentation } from "../../model/segments.ts";
import { decodeCheckpoint } from "../../native/index.ts";
import { seriesId, unitId, type RangeSeries, type SeriesId } from "../../model/series.ts";
import { daySpans, joinSpans, type DaySpan } from "./day-spans.ts";
import type { DayRange } from "./range-request.ts";
import type { ArchiveSource, DayFile } from "../../sources/archive/index.ts";
import { unitsCovered, type CoveredUnit, type OpenUnit, type Store } from "../../store/index.ts";
import { walkDays } from "./days.ts";
import { readDay } from "./read-day.ts";
import { earlierStarts, type EarlierStart } from "./earlier-starts.ts";
import {
  added,
  nothingCommitted,
  SegmentJob,
  type CommittedAmount,
  type StreamEnd,
  type StreamHole,
} from "./segment-job.ts";

/** One symbol's share of a request: which series, which days, from where. */
export interface SymbolWork {
  readonly series: readonly RangeSeries[];
  /** What the registry declares of it. */
  readonly entry: Pick<SymbolEntry, "knownGaps"> | undefined;
  readonly range: DayRange;
  readonly segmentation: Segmentation;
  readonly source: ArchiveSource;
  /**
   * Build this one only: others may work on the rest of the days at the same time. The whole range still says which days have later
   * ones behind them.
   */
  readonly only?: SegmentId | undefined;
}

/** What is told while a symbol is built. */
export interface PopulateEvents {
  note(text: string): void;
  /** @param stops the symbol ends here; the same run may come past it when it is made again */
  finding(failure: Failure, stops: boolean): void;
  /** A job has opened its units and goes on to write; the job before it is over. */
  opened(units: readonly OpenUnit[]): void;
  dayRead(day: Day, trades: bigint): void;
  committed(amount: CommittedAmount): void;
}

/** What became of a symbol. */
export interface SymbolResult {
  readonly symbol: string;
  readonly series: readonly SeriesId[];
  readonly days: number;
  readonly trades: bigint;
  readonly bars: number;
  /** Findings that did not stop it, and last the one that did. */
  readonly failures: readonly Failure[];
  readonly interrupted: boolean;
}

/** The days of a symbol that some unit still needs. */
export function spansOf(work: SymbolWork, covered: readonly CoveredUnit[]): DaySpan[] {
  const bySegment = (segment: Segment): (CoveredUnit | undefined)[] =>
    work.series.map((one) => covered.find((unit) => unit.series === seriesId(one) && unit.segment === segment.id));
  const spans = daySpans(work.range.from, work.range.to, work.segmentation, bySegment);
  return work.only === undefined ? spans : spans.filter(({ segment }) => segment.id === work.only);
}

/** Reads what the store has of a symbol's series. */
export async function coveredOf(store: Store, work: Pick<SymbolWork, "series" | "only">): Promise<CoveredUnit[]> {
  return coveredFor(work, await unitsCovered(store, work.series.map(seriesId)));
}

/** Of work on one segment nothing else counts: where its neighbours end changes while it runs. */
export function coveredFor({ only }: Pick<SymbolWork, "only">, covered: readonly CoveredUnit[]): CoveredUnit[] {
  return covered.filter(({ segment }) => only === undefined || segment === only);
}

/**
 * Builds what a symbol's series lack, oldest day first, and commits as it goes. Stops at the first day that cannot be had;
 * what was read before it is committed.
 * @param covered what the store has of its series
 * @param signal the first interruption: stops behind the day being read, commits, and says so in the result
 */
export async function populateSymbol(
  store: Store,
  work: SymbolWork,
  covered: readonly CoveredUnit[],
  today: Day,
  signal: AbortSignal,
  events: PopulateEvents,
): Promise<SymbolResult> {
  const run = new SymbolRun(store, work, covered, events);
  try {
    await run.earlierStarts(signal);
    let isThrough = true;
    for (const { from, to } of joinSpans(spansOf(work, covered))) {
      const steps = walkDays({
        source: work.source,
        symbol: run.symbol,
        from,
        to,
        today,
        hasEarlier: covered.some((unit) => unit.day < from),
        lastDay: work.range.to,
        isDeclaredHole: (day) => isKnownGap(work.entry, day),
        signal,
      });
      isThrough = await run.take(steps, signal);
      if (!isThrough) break;
    }
    await run.finish(isThrough, signal);
  } catch (error) {
    if (!isOfThisSymbol(error)) throw error;
    run.fail(error, true);
  } finally {
    await run.release();
  }
  return run.result();
}

/** One symbol's run through its days; a job per segment, opened with its first file. */
class SymbolRun {
  readonly symbol: string;
  readonly #store: Store;
  readonly #work: SymbolWork;
  readonly #events: PopulateEvents;
  readonly #failures: Failure[] = [];
  readonly #covered: readonly CoveredUnit[];
  #job: SegmentJob | undefined;
  #total = nothingCommitted;
  #interrupted = false;

  constructor(store: Store, work: SymbolWork, covered: readonly CoveredUnit[], events: PopulateEvents) {
    this.#store = store;
    this.#work = work;
    this.#covered = covered;
    this.#events = events;
    this.symbol = work.series[0]?.symbol ?? "";
  }

  /** @returns false when the symbol must not go on */
  async take(steps: ReturnType<typeof walkDays>, signal: AbortSignal): Promise<boolean> {
    try {
      for await (const step of steps) {
        switch (step.kind) {
          case "note":
            this.#events.note(step.text);
            break;
          case "finding":
            this.fail(step.failure);
            break;
          case "stop":
            this.fail(step.failure, true);
            return false;
          case "file":
            if (!(await this.#build(step.file, signal))) return false;
        }
        if (signal.aborted) break;
      }
    } catch (error) {
      // What was read before the archive went away is good, and is committed.
      if (isArchiveAway(error)) {
        this.fail(error, true);
        return false;
      }
      // An abort cuts the fetches short; any other error is the run's.
      if (!isAbortOf(error, signal)) throw error;
    }
    this.#interrupted = signal.aborted;
    return !signal.aborted;
  }

  /**
   * Commits what waits.
   * @param isThrough no day stopped it
   */
  async finish(isThrough: boolean, signal: AbortSignal): Promise<void> {
    const next = isThrough ? await this.#behindOnly(signal) : undefined;
    if (next !== undefined && this.#job === undefined) await this.#endLeftOpen(next);
    await this.#job?.finish(next !== undefined);
  }

  /** Where the work is one segment: the next one, once something is published behind this one, whose bars end here then. */
  async #behindOnly(signal: AbortSignal): Promise<Segment | undefined> {
    const { only, range, segmentation, source } = this.#work;
    const [span] = only === undefined ? [] : spansOf(this.#work, this.#covered);
    if (span === undefined) return undefined;
    const next = segmentOf(addDays(span.segment.lastDay, 1), segmentation);
    const from = next.firstDay;
    if (from > range.to || (await source.firstPublished(from, range.to, signal)) === undefined) return undefined;
    return next;
  }

  /** Gives up the right to write. */
  async release(): Promise<void> {
    await this.#job?.close();
    this.#job = undefined;
  }

  result(): SymbolResult {
    return {
      symbol: this.symbol,
      series: this.#work.series.map(seriesId),
      days: this.#total.days,
      trades: this.#total.trades,
      bars: this.#total.bars,
      failures: this.#failures,
      interrupted: this.#interrupted,
    };
  }

  /** Tells of units that begin later than is asked for, where what lies before them is published. */
  async earlierStarts(signal: AbortSignal): Promise<void> {
    const { range, segmentation, source } = this.#work;
    for (const one of earlierStarts(range.from, segmentation, this.#covered)) {
      const isPublished = (await source.firstPublished(one.from, addDays(one.unit.firstDay, -1), signal)) !== undefined;
      if (isPublished) this.#tellEarlierStart(one);
    }
  }

  /** The unit goes on where it is; days before its first one are not put in front of bars that exist. */
  #tellEarlierStart({ unit, from }: EarlierStart): void {
    const id = unitId(unit.series, unit.segment);
    const text = `${id} begins at ${unit.firstDay}; the days from ${from} on are not in it`;
    const hint = `give --start-date ${unit.firstDay}, or make it anew with: barkeep rebuild ${id} --start-date ${from}`;
    this.fail(new RefusedError(text, { code: "START_BEFORE_BUILD", subject: this.symbol, hint }));
  }

  /** @returns false when the symbol must not go on */
  async #build(file: DayFile, signal: AbortSignal): Promise<boolean> {
    const progress = await readDay(await this.#jobOf(file.day), this.#work.source, file, signal);
    if (progress instanceof Failure) {
      this.fail(progress, true);
      return false;
    }
    this.#events.dayRead(file.day, progress.rows - progress.quarantinedCount);
    if (progress.quarantinedCount > 0n) this.#events.note(quarantineNote(this.symbol, file.day, progress));
    return true;
  }

  async #jobOf(day: Day): Promise<SegmentJob> {
    const segment = segmentOf(day, this.#work.segmentation);
    if (this.#job?.segment.id === segment.id) return this.#job;
    if (this.#job === undefined) await this.#endLeftOpen(segment);
    await this.#job?.finish(true);
    const earlier = this.#job?.end ?? this.#coveredBefore(segment);
    await this.release();
    this.#job = await SegmentJob.open({
      store: this.#store,
      series: this.#work.series,
      segment,
      segmentation: this.#work.segmentation,
      firstDay: this.#firstDayOf(segment, day),
      earlier,
      committed: (amount) => this.#add(amount),
    });
    this.#events.opened(this.#job.units);
    return this.#job;
  }

  /**
   * An earlier run stopped in front of days that, as this run has seen, have no archive, and the stream goes on in a later
   * segment: what was forming ends as that segment's orphan.
   */
  async #endLeftOpen(next: Segment): Promise<void> {
    const { series, segmentation, range } = this.#work;
    for (const one of series) {
      const last = this.#covered.findLast((unit) => unit.series === seriesId(one) && unit.day < next.firstDay);
      if (last === undefined || !last.dayDone || range.from > addDays(last.day, 1)) continue;
      if (decodeCheckpoint(last.checkpoint).forming === undefined) continue;
      const job = await SegmentJob.open({
        store: this.#store,
        series: [one],
        segment: segmentOf(last.day, segmentation),
        segmentation,
        firstDay: last.firstDay,
        earlier: undefined,
        committed: (amount) => this.#add(amount),
      });
      try {
        this.#events.opened(job.units);
        await job.finish(true);
      } finally {
        await job.close();
      }
    }
  }

  /**
   * A new unit's first day: the one asked for, or an earlier one that is read for the units beside it, which the new one
   * consumes too.
   */
  #firstDayOf(segment: Segment, firstRead: Day): Day {
    const { from } = this.#work.range;
    const asked = segment.firstDay > from ? segment.firstDay : from;
    return firstRead < asked ? firstRead : asked;
  }

  /** Where earlier runs left the stream in front of a segment. */
  #coveredBefore(segment: Segment): StreamEnd | undefined {
    const earlier = this.#covered.filter((unit) => unit.day < segment.firstDay);
    return earlier.reduce<CoveredUnit | undefined>(
      (last, unit) => (last === undefined || unit.throughId > last.throughId ? unit : last),
      undefined,
    );
  }

  #add(amount: CommittedAmount): void {
    this.#total = added(this.#total, amount);
    this.#events.committed(amount);
    for (const hole of amount.holes) this.#tellHole(hole);
  }

  #tellHole({ fromId, throughId, dayBefore, dayAfter }: StreamHole): void {
    const where = dayBefore === dayAfter ? `on ${dayAfter}` : `between ${dayBefore} and ${dayAfter}`;
    const text = `ids ${fromId} … ${throughId} are missing ${where}; the bars that were forming there are orphans`;
    if (isDeclaredBetween(this.#work.entry, dayBefore, dayAfter)) {
      this.#events.note(`${this.symbol}: ${text} (a declared hole)`);
      return;
    }
    const hint = `check the archive, or declare the days under known_gaps of [symbols.${this.symbol}]`;
    this.fail(new UpstreamDataError(text, { code: "ID_HOLE", subject: this.symbol, hint }));
  }

  fail(failure: Failure, stops = false): void {
    this.#failures.push(failure);
    this.#events.finding(failure, stops);
  }
}

/**
 * This symbol stops, others may have better luck: its archive cannot be reached, another process writes it, or its checkpoint
 * is not to be trusted.
 */
function isOfThisSymbol(error: unknown): error is Failure {
  if (!(error instanceof Failure)) return false;
  return error instanceof RefusedError || error.code.startsWith("ARCHIVE_") || error.code.startsWith("CHECKPOINT_");
}

function isArchiveAway(error: unknown): error is RetryableError {
  return error instanceof RetryableError && error.code.startsWith("ARCHIVE_");
}

function isAbortOf(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === "AbortError"));
}

function quarantineNote(
  symbol: string,
  day: Day,
  progress: { quarantinedCount: bigint; quarantined: readonly { id: bigint; line: bigint; reason: string }[] },
): string {
  const [first] = progress.quarantined;
  const example = first === undefined ? "" : `; the first: id ${first.id}, line ${first.line}, ${first.reason}`;
  return `${symbol}: ${day} has ${progress.quarantinedCount} rows that are no trades, quarantined${example}`;
}
