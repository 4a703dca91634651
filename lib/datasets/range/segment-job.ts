import { Job, type DayProgress, type Part, type UnitOutput } from "../../native/index.ts";
import { addDays, dayOfMs, dayStartMs, type Day } from "../../model/day.ts";
import { UpstreamDataError } from "../../model/errors.ts";
import type { Segment, Segmentation } from "../../model/segments.ts";
import { seriesId, type RangeSeries, type SeriesId } from "../../model/series.ts";
import type { DayFile } from "../../sources/archive/index.ts";
import {
  commitUnits,
  LeaseKeeper,
  openUnit,
  releaseLeases,
  type NewCoverage,
  type OpenUnit,
  type Store,
  type UnitCommit,
  type UnitRequest,
} from "../../store/index.ts";
import { currentFingerprint } from "./fingerprint.ts";

/** Days are grouped into one commit until this many bars wait, or this much time has passed. */
const commitBars = 50_000;
const commitAfterMs = 10_000;
/** A day that makes more bars than this in one unit is committed in parts. Well below what one block may hold. */
const barsMax = 100_000;

/** Ids that are missing between two trades that follow each other in the archive. */
export interface StreamHole {
  readonly fromId: bigint;
  readonly throughId: bigint;
  readonly dayBefore: Day;
  readonly dayAfter: Day;
}

/** The last id seen and the day whose archive held it. */
export interface StreamEnd {
  readonly throughId: bigint;
  readonly day: Day;
}

/** What a commit added, for progress. */
export interface CommittedAmount {
  readonly days: number;
  readonly trades: bigint;
  readonly bars: number;
  readonly holes: readonly StreamHole[];
}

export const nothingCommitted: CommittedAmount = { days: 0, trades: 0n, bars: 0, holes: [] };

/** What a job is opened with. */
export interface SegmentJobRequest {
  readonly store: Store;
  readonly series: readonly RangeSeries[];
  readonly segment: Segment;
  readonly segmentation: Segmentation;
  /** The first day that will be read; a new build keeps it. */
  readonly firstDay: Day;
  /** Where an earlier segment's stream ended, so that a hole between both is seen. */
  readonly earlier: StreamEnd | undefined;
  /** Told of each commit, when it has landed. */
  readonly committed: (amount: CommittedAmount) => void;
  /** How a unit's build is opened: the published one, unless a rebuild makes another beside it. */
  readonly open?: (store: Store, request: UnitRequest) => Promise<OpenUnit>;
  /** The how-many-eth edition of a day's archive this is; 1 unless a rebuild knows of others. */
  readonly revisionOf?: (series: SeriesId, day: Day, sha256: string) => number;
}

/** The units of one symbol and segment, built in one pass over the days' archives. */
export class SegmentJob {
  readonly segment: Segment;
  readonly units: readonly OpenUnit[];
  readonly #store: Store;
  readonly #symbol: string;
  readonly #job: Job;
  readonly #keeper: LeaseKeeper;
  readonly #revisionOf: (series: SeriesId, day: Day, sha256: string) => number;
  readonly #files = new Map<Day, DayFile>();
  readonly #committed: (amount: CommittedAmount) => void;
  /** Where an earlier segment's stream ended. */
  readonly #earlier: StreamEnd | undefined;
  /** Where this job's own commits end. */
  #own: StreamEnd | undefined;
  #daysSinceCommit = 0;
  #tradesSinceCommit = 0n;
  #lastCommitMs = Date.now();

  private constructor(request: SegmentJobRequest, units: readonly OpenUnit[], job: Job) {
    this.#store = request.store;
    this.#symbol = request.series[0]?.symbol ?? "";
    this.segment = request.segment;
    this.#committed = request.committed;
    this.#earlier = request.earlier;
    this.units = units;
    this.#job = job;
    this.#keeper = new LeaseKeeper(request.store, units);
    this.#revisionOf = request.revisionOf ?? ((): number => 1);
  }

  /**
   * Opens the segment's units, each where its coverage ends.
   * @throws RefusedError SEGMENTATION_FIXED and what openUnit refuses
   */
  static async open(request: SegmentJobRequest): Promise<SegmentJob> {
    const { store, series, segment, segmentation, firstDay } = request;
    const fingerprint = currentFingerprint(segmentation);
    const open = request.open ?? openUnit;
    const units: OpenUnit[] = [];
    try {
      for (const one of series) {
        units.push(await open(store, { series: seriesId(one), segment: segment.id, fingerprint, firstDay }));
      }
      const thresholds = series.map((one) => one.threshold);
      const job = new Job({ thresholds, gateUnitUs: fingerprint.gateUnitUs, segmentation });
      units.forEach((unit, i) => {
        if (unit.resume !== undefined) job.restoreUnit(i, unit.resume.checkpoint);
      });
      return new SegmentJob(request, units, job);
    } catch (error) {
      await releaseLeases(store, units);
      throw error;
    }
  }

  /** Ends the job's right to write. What it has read and not committed is dropped. */
  async close(): Promise<void> {
    await this.#keeper.release();
  }

  /**
   * Builds from one day's archive; commits when enough waits.
   * @returns what the archive held
   * @throws UpstreamDataError of the archive: nothing of it is kept, earlier days are not touched
   */
  async addDay(file: DayFile): Promise<DayProgress> {
    const { path, sha256, day } = file;
    this.#refuseOtherRevision(file);
    if (this.#isEnough()) await this.#commit(undefined);
    this.#files.set(day, file);
    let progress = await this.#job.ingestDay({ path, sha256, symbol: this.#symbol, day, barsMax });
    while (!progress.done) {
      await this.#commit(day);
      progress = await this.#job.resumeDay();
    }
    if (day === this.segment.lastDay) this.#job.endSegment();
    this.#daysSinceCommit += 1;
    this.#tradesSinceCommit += progress.rows - progress.quarantinedCount;
    return progress;
  }

  /**
   * Commits what waits.
   * @param isOver the stream goes on in a later segment: forming bars end here, whether the last day had an archive or not
   */
  async finish(isOver: boolean): Promise<void> {
    if (isOver) this.#job.endSegment();
    await this.#commit(undefined);
  }

  /** The first day that some unit still needs, whole days being committed; undefined where one of them has nothing yet. */
  get nextDay(): Day | undefined {
    if (this.#own !== undefined) return addDays(this.#own.day, 1);
    const next = this.units.map(({ resume }) =>
      resume === undefined ? undefined : resume.dayDone ? addDays(resume.day, 1) : resume.day,
    );
    return next.reduce((a, b) => (a === undefined || b === undefined ? undefined : a < b ? a : b));
  }

  /** Where the stream ends that is committed. */
  get end(): StreamEnd | undefined {
    return this.#own ?? this.#endBefore(this.units[0]);
  }

  #endBefore(unit: OpenUnit | undefined): StreamEnd | undefined {
    return unit?.resume ?? this.#earlier;
  }

  /** Looked at when the next day comes, not before: the last day of a segment may turn out to be its last only then. */
  #isEnough(): boolean {
    return Math.max(...this.#job.waiting()) >= commitBars || Date.now() - this.#lastCommitMs >= commitAfterMs;
  }

  /** A day that was committed in part goes on in the very file it was begun with. */
  #refuseOtherRevision({ day, sha256, path }: DayFile): void {
    const begun = this.units.find(
      ({ resume }) => resume?.day === day && !resume.dayDone && resume.sourceSha256 !== sha256,
    );
    if (begun === undefined) return;
    throw new UpstreamDataError(`the archive of ${day} is not the one that ${begun.unitId} was begun with`, {
      code: "ARCHIVE_REVISED",
      subject: path,
      hint: `bring back the file with SHA-256 ${begun.resume?.sourceSha256 ?? ""}, or build into another state directory`,
    });
  }

  /** Holes of ids before and between the parts to be committed, as the unit that is least far sees them. */
  #holesIn(commit: UnitCommit): StreamHole[] {
    return commit.coverage.flatMap((part, i) => {
      const before = commit.coverage[i - 1] ?? this.#own ?? this.#endBefore(commit.unit);
      if (before === undefined || part.fromId === before.throughId + 1n) return [];
      const [fromId, throughId] = [before.throughId + 1n, part.fromId - 1n];
      return [{ fromId, throughId, dayBefore: before.day, dayAfter: part.day }];
    });
  }

  /** @param unfinishedDay the day whose archive is still being read, if one is */
  async #commit(unfinishedDay: Day | undefined): Promise<void> {
    const taken: UnitCommit[] = [];
    this.units.forEach((unit, i) => {
      const { series, segment, build, attempt } = unit;
      const output = this.#job.take(i, { series, segment, build, attempt });
      if (output.parts.length === 0) {
        if (output.bars > 0) {
          taken.push({ unit, bars: output.bars, block: output.block, coverage: [endOf(unit, output)] });
        }
        return;
      }
      const coverage = output.parts.map((part, at): NewCoverage => {
        const day = dayOfPart(part);
        const file = this.#files.get(day);
        if (file === undefined) throw new Error(`no archive was read for ${day}, a day of ${series}`);
        const next = output.parts[at + 1];
        const isLastOfDay = next === undefined || dayOfPart(next) !== day;
        return {
          ...part,
          day,
          dayDone: isLastOfDay && day !== unfinishedDay,
          sourceName: file.name,
          sourceSha256: file.sha256,
          sourceRevision: this.#revisionOf(series, day, file.sha256),
          checkpoint: next === undefined ? output.checkpoint : undefined,
        };
      });
      taken.push({ unit, bars: output.bars, block: output.block, coverage });
    });
    const [reference] = taken.toSorted((a, b) => Number(firstIdOf(a) - firstIdOf(b)));
    const holes = reference === undefined ? [] : this.#holesIn(reference);
    // A commit that fails may have landed: this job is over then, and the next attempt finds out.
    if (taken.length > 0) await commitUnits(this.#store, taken);
    this.#own = reference?.coverage.at(-1) ?? this.#own;
    this.#committed({
      holes,
      days: this.#daysSinceCommit,
      trades: this.#tradesSinceCommit,
      bars: taken.reduce((sum, unit) => sum + unit.bars, 0),
    });
    this.#daysSinceCommit = 0;
    this.#tradesSinceCommit = 0n;
    this.#lastCommitMs = Date.now();
  }
}

/**
 * The coverage of a segment's end that was found out without any ids behind the last commit: an empty interval, for the orphan
 * and the checkpoint without it.
 */
function endOf(unit: OpenUnit, output: UnitOutput): NewCoverage {
  const { resume, position } = unit;
  const throughId = position.throughId;
  if (resume === undefined || throughId === undefined) throw new Error(`${unit.unitId} ended before it began`);
  const dayStartUs = BigInt(dayStartMs(resume.day)) * 1000n;
  return {
    fromId: throughId + 1n,
    throughId,
    dayStartUs,
    firstUs: resume.lastUs,
    lastUs: resume.lastUs,
    records: 0n,
    fills: 0n,
    volume: 0n,
    turnover: 0n,
    quarantined: 0n,
    bars: 0n,
    orphans: BigInt(output.bars),
    barsDigest: position.barsDigest ?? resume.barsDigest,
    day: resume.day,
    dayDone: resume.dayDone,
    sourceName: resume.sourceName,
    sourceSha256: resume.sourceSha256,
    sourceRevision: resume.sourceRevision,
    checkpoint: output.checkpoint,
  };
}

function dayOfPart(part: Part): Day {
  return dayOfMs(Number(part.dayStartUs / 1000n));
}

function firstIdOf(commit: UnitCommit): bigint {
  return commit.coverage[0]?.fromId ?? 0n;
}

/** Both together. */
export function added(a: CommittedAmount, b: CommittedAmount): CommittedAmount {
  return {
    days: a.days + b.days,
    trades: a.trades + b.trades,
    bars: a.bars + b.bars,
    holes: [...a.holes, ...b.holes],
  };
}
