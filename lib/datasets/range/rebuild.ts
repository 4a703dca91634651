import { isKnownGap, type Registry } from "../../config/index.ts";
import type { Day } from "../../model/day.ts";
import { Failure, UnavailableError, UpstreamDataError } from "../../model/errors.ts";
import { missingIntervals } from "../../model/intervals.ts";
import { segmentationOf, segmentOf } from "../../model/segments.ts";
import { parseSeriesId, type SeriesId } from "../../model/series.ts";
import {
  hasBoundaryOrphan,
  LeaseKeeper,
  movePointer,
  openRebuild,
  pinBuild,
  releaseLeases,
  takeLease,
  takePublishRight,
  type BuildKey,
  type Lease,
  type PinnedSegment,
  type PublishRight,
  type Store,
} from "../../store/index.ts";
import { auditSegment } from "./audit/index.ts";
import { walkDays, type DayStep } from "./days.ts";
import { readDay } from "./read-day.ts";
import { rebuildId } from "./rebuild-id.ts";
import type { PlannedRebuild } from "./rebuild-plan.ts";
import { revisedDays } from "./rebuild-reasons.ts";
import { SegmentJob } from "./segment-job.ts";

/** What became of one unit. */
export interface RebuildResult {
  readonly unit: string;
  readonly reason: string;
  /** Names the new build for `undo`; absent where it was not published. */
  readonly rebuild: string | undefined;
  readonly bars: bigint;
  /** Are the new bars those that readers saw before? */
  readonly isSame: boolean;
  readonly failures: readonly Failure[];
}

/** What is told meanwhile. */
export interface RebuildEvents {
  note(text: string): void;
  finding(failure: Failure): void;
  dayRead(day: Day): void;
  /** Told before the pointer moves. */
  publishing(unit: string, from: number, to: number, reason: string): void;
}

/** Units that share one pass: one symbol and segment, from one day on. */
export function rebuildJobs(planned: readonly PlannedRebuild[]): (readonly [PlannedRebuild, ...PlannedRebuild[]])[] {
  const groups = Map.groupBy(planned, ({ published, firstDay }) => {
    const { venue, market, symbol } = parseSeriesId(published.series);
    return `${venue}/${market}/${symbol}:${published.segment}:${firstDay}`;
  });
  return [...groups.values()].flatMap(([first, ...rest]) => (first === undefined ? [] : [[first, ...rest] as const]));
}

/**
 * Makes the units of one job anew beside what readers see, judges them, and publishes each with one pointer row. Stopped at
 * any moment, the same command goes on from there.
 * @param signal stops behind the day being read; what is committed is gone on with
 */
export async function rebuildJob(
  store: Store,
  planned: readonly [PlannedRebuild, ...PlannedRebuild[]],
  registry: Registry,
  today: Day,
  signal: AbortSignal,
  events: RebuildEvents,
): Promise<RebuildResult[]> {
  const run = new RebuildRun(store, planned, registry, today, signal, events);
  return run.run();
}

/** A build that is made, and the right to publish it that was taken before it was judged. */
interface Candidate {
  readonly planned: PlannedRebuild;
  readonly right: PublishRight;
}

class RebuildRun {
  readonly #store: Store;
  readonly #planned: readonly [PlannedRebuild, ...PlannedRebuild[]];
  readonly #registry: Registry;
  readonly #today: Day;
  readonly #signal: AbortSignal;
  readonly #events: RebuildEvents;
  readonly #failures: Failure[] = [];

  constructor(
    store: Store,
    planned: readonly [PlannedRebuild, ...PlannedRebuild[]],
    registry: Registry,
    today: Day,
    signal: AbortSignal,
    events: RebuildEvents,
  ) {
    this.#store = store;
    this.#planned = planned;
    this.#registry = registry;
    this.#today = today;
    this.#signal = signal;
    this.#events = events;
  }

  async run(): Promise<RebuildResult[]> {
    const job = await this.#open();
    try {
      const isBuilt = await this.#build(
        job,
        this.#planned.map(({ published }) => published),
      );
      return isBuilt ? await this.#publish(job) : this.#planned.map((one) => this.#unpublished(one));
    } finally {
      await job.close();
    }
  }

  async #open(): Promise<SegmentJob> {
    const [first] = this.#planned;
    const { segment } = first.published;
    const bySeries = new Map(this.#planned.map((one) => [one.published.series, one]));
    const plannedOf = (series: SeriesId): PlannedRebuild => {
      const one = bySeries.get(series);
      if (one === undefined) throw new Error(`${series} is not planned`);
      return one;
    };
    return SegmentJob.open({
      store: this.#store,
      series: this.#planned.map(({ published }) => parseSeriesId(published.series)),
      segment: segmentOf(first.firstDay, segmentationOf(segment)),
      segmentation: segmentationOf(segment),
      firstDay: first.firstDay,
      earlier: undefined,
      committed: () => undefined,
      open: async (store, { series, fingerprint, firstDay }) => {
        const { published, reason, source } = plannedOf(series);
        return openRebuild(store, {
          published,
          fingerprint,
          firstDay,
          reason,
          isStillGood: async (begun) => (await revisedDays(begun.parts, source, this.#signal)).length === 0,
        });
      },
      revisionOf: (series, day, sha256) => revisionOf(plannedOf(series).published, day, sha256),
    });
  }

  /** Reads the days that the published builds cover and the job's units lack. @returns false where it did not get there */
  async #build(job: SegmentJob, published: readonly PinnedSegment[]): Promise<boolean> {
    const [first] = this.#planned;
    const next = job.nextDay ?? first.firstDay;
    const last = published.map(({ parts }) => lastDayOf(parts)).reduce((a, b) => (a > b ? a : b));
    if (next <= last) {
      const { symbol } = parseSeriesId(first.published.series);
      const entry = this.#registry.symbols.get(symbol);
      const steps = walkDays({
        source: first.source,
        symbol,
        from: next,
        to: last,
        today: this.#today,
        hasEarlier: job.nextDay !== undefined,
        lastDay: last,
        isDeclaredHole: (day) => isKnownGap(entry, day),
        signal: this.#signal,
      });
      if (!(await this.#take(job, steps))) {
        await job.finish(false);
        return false;
      }
    }
    const isOver = (await Promise.all(published.map(async (one) => hasBoundaryOrphan(this.#store, one)))).includes(
      true,
    );
    await job.finish(isOver);
    return true;
  }

  async #take(job: SegmentJob, steps: AsyncIterable<DayStep>): Promise<boolean> {
    for await (const step of steps) {
      if (step.kind === "note") this.#events.note(step.text);
      else if (step.kind === "file") {
        const progress = await readDay(job, this.#planned[0].source, step.file, this.#signal);
        if (progress instanceof Failure) {
          this.#fail(progress);
          return false;
        }
        this.#events.dayRead(step.file.day);
      } else {
        this.#fail(step.failure);
        if (step.kind === "stop") return false;
      }
      if (this.#signal.aborted) return false;
    }
    return true;
  }

  /** Judges the builds that are made and lets readers see them. */
  async #publish(job: SegmentJob): Promise<RebuildResult[]> {
    const candidates = await Promise.all(
      this.#planned.map(async (planned, i): Promise<Candidate> => {
        const made = job.units[i];
        if (made === undefined) throw new Error(`${planned.unit} was not opened`);
        const { series, segment, build } = made;
        return { planned, right: await takePublishRight(this.#store, { series, segment, build }) };
      }),
    );
    const leases: Lease[] = [];
    try {
      // Nobody adds to the published builds from here on, so that nothing is added that the new ones lack.
      for (const { published } of this.#planned) leases.push(await takeLease(this.#store, published));
      const keeper = new LeaseKeeper(this.#store, leases);
      try {
        return await this.#publishHeld(job, candidates);
      } finally {
        await keeper.release();
      }
    } catch (error) {
      await releaseLeases(this.#store, leases);
      throw error;
    }
  }

  async #publishHeld(job: SegmentJob, candidates: readonly Candidate[]): Promise<RebuildResult[]> {
    const old = await Promise.all(candidates.map(async ({ planned }) => this.#pinned(planned.published)));
    const hasGrown = old.some((one, i) => endId(one) !== endId(this.#planned[i]?.published ?? one));
    if (hasGrown && !(await this.#build(job, old))) return this.#planned.map((one) => this.#unpublished(one));
    const results: RebuildResult[] = [];
    for (const [i, candidate] of candidates.entries()) {
      const before = old[i];
      if (before === undefined) throw new Error(`${candidate.planned.unit} is not published`);
      results.push(await this.#publishOne(candidate, before));
    }
    return results;
  }

  async #publishOne({ planned, right }: Candidate, old: PinnedSegment): Promise<RebuildResult> {
    const made = await this.#pinned(right);
    const id = rebuildId(made);
    const [fault, ...others] = await auditSegment(this.#store, made, { signal: this.#signal });
    if (fault !== undefined) {
      const text = `the new build is not sound: ${fault.code}: ${fault.text}`;
      this.#fail(
        new UnavailableError(others.length === 0 ? text : `${text}, and ${others.length} more findings`, {
          code: "REBUILD_NOT_SOUND",
          subject: id,
          hint: "it was not published; check the store's disk, and report it if a second rebuild says the same",
        }),
      );
      return this.#unpublished(planned);
    }
    const [first, ...more] = missingIntervals(old.parts, made.parts);
    if (first !== undefined) {
      const text = `the new build lacks ids ${first.fromId} … ${first.throughId}, which are published`;
      const failure = new UpstreamDataError(more.length === 0 ? text : `${text}, and ${more.length} more intervals`, {
        code: "REBUILD_COVERS_LESS",
        subject: id,
        hint: "it was not published; check that the archive holds the days the unit was built from",
      });
      this.#fail(failure);
      return this.#unpublished(planned);
    }
    this.#events.publishing(planned.unit, old.build, made.build, planned.reason);
    await movePointer(this.#store, right, { expected: old.build, reason: planned.reason, held: false });
    return {
      ...this.#unpublished(planned),
      rebuild: id,
      bars: barsOf(made),
      isSame: contentOf(made) === contentOf(old),
    };
  }

  async #pinned(key: BuildKey): Promise<PinnedSegment> {
    const pinned = await pinBuild(this.#store, key.series, key.segment, key.build);
    if (pinned !== undefined) return pinned;
    throw new UnavailableError("the store no longer has the coverage of a build that is in use", {
      code: "COVERAGE_LOST",
      subject: rebuildId(key),
      hint: "check the store, or restore it from a backup; nothing was published",
    });
  }

  #fail(failure: Failure): void {
    this.#failures.push(failure);
    this.#events.finding(failure);
  }

  #unpublished({ unit, reason }: PlannedRebuild): RebuildResult {
    return { unit, reason, rebuild: undefined, bars: 0n, isSame: false, failures: [...this.#failures] };
  }
}

function lastDayOf(parts: PinnedSegment["parts"]): Day {
  return parts.map(({ day }) => day).reduce((a, b) => (a > b ? a : b));
}

function barsOf({ parts }: PinnedSegment): bigint {
  return parts.reduce((sum, part) => sum + part.bars, 0n);
}

function endId({ parts }: PinnedSegment): bigint {
  return parts.reduce((most, { throughId }) => (throughId > most ? throughId : most), parts[0].throughId);
}

/** The same text for builds with the same bars: the digest, and how many orphans and ids they come to. */
function contentOf({ parts }: PinnedSegment): string {
  const last = parts.reduce((a, b) => (b.throughId >= a.throughId ? b : a));
  const orphans = parts.reduce((sum, part) => sum + part.orphans, 0n);
  return `${last.throughId} ${last.barsDigest} ${orphans}`;
}

/** An archive that the published build knows keeps its number; another one of the same day gets the next. */
function revisionOf({ parts }: PinnedSegment, day: Day, sha256: string): number {
  const known = parts.findLast((part) => part.day === day);
  if (known === undefined) return 1;
  return known.sourceSha256 === sha256 ? known.sourceRevision : known.sourceRevision + 1;
}
