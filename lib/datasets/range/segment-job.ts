import { Job, type DayProgress } from "../../native/index.ts";
import { dayOfMs, type Day } from "../../model/day.ts";
import { UpstreamDataError } from "../../model/errors.ts";
import type { Segment, Segmentation } from "../../model/segments.ts";
import { seriesId, type RangeSeries } from "../../model/series.ts";
import type { DayFile } from "../../sources/archive/index.ts";
import {
  commitUnits,
  openUnit,
  type NewCoverage,
  type OpenUnit,
  type Store,
  type UnitCommit,
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

/** What a commit added, for progress. */
export interface CommittedAmount {
  readonly days: number;
  readonly trades: bigint;
  readonly bars: number;
  readonly holes: readonly StreamHole[];
}

export const nothingCommitted: CommittedAmount = { days: 0, trades: 0n, bars: 0, holes: [] };

/** The units of one symbol and segment, built in one pass over the days' archives. */
export class SegmentJob {
  readonly segment: Segment;
  readonly units: readonly OpenUnit[];
  readonly #store: Store;
  readonly #symbol: string;
  readonly #job: Job;
  readonly #files = new Map<Day, DayFile>();
  readonly #taken: UnitCommit[] = [];
  #lastDay: Day | undefined;
  #daysSinceCommit = 0;
  #tradesSinceCommit = 0n;
  #lastCommitMs = Date.now();

  private constructor(store: Store, symbol: string, segment: Segment, units: readonly OpenUnit[], job: Job) {
    this.#store = store;
    this.#symbol = symbol;
    this.segment = segment;
    this.units = units;
    this.#job = job;
  }

  /**
   * Opens the segment's units, each where its coverage ends.
   * @param firstDay the first day asked for; a new build keeps it
   * @throws RefusedError SEGMENTATION_FIXED and what openUnit refuses
   */
  static async open(
    store: Store,
    series: readonly RangeSeries[],
    segment: Segment,
    segmentation: Segmentation,
    firstDay: Day,
  ): Promise<SegmentJob> {
    const fingerprint = currentFingerprint(segmentation);
    const units: OpenUnit[] = [];
    for (const one of series) {
      units.push(await openUnit(store, { series: seriesId(one), segment: segment.id, fingerprint, firstDay }));
    }
    const thresholds = series.map((one) => one.threshold);
    const job = new Job({ thresholds, gateUnitUs: fingerprint.gateUnitUs, segmentation });
    units.forEach((unit, i) => {
      if (unit.resume !== undefined) job.restoreUnit(i, unit.resume.checkpoint);
    });
    return new SegmentJob(store, series[0]?.symbol ?? "", segment, units, job);
  }

  /**
   * Builds from one day's archive; commits when enough waits.
   * @returns what the archive held, and what was committed meanwhile
   * @throws UpstreamDataError of the archive: nothing of it is kept, earlier days are not touched
   */
  async addDay(file: DayFile): Promise<{ progress: DayProgress; committed: CommittedAmount }> {
    let committed = nothingCommitted;
    const { path, sha256, day } = file;
    this.#refuseOtherRevision(file);
    this.#files.set(day, file);
    let progress = await this.#job.ingestDay({ path, sha256, symbol: this.#symbol, day, barsMax });
    while (!progress.done) {
      committed = added(committed, await this.#commit(day));
      progress = await this.#job.resumeDay();
    }
    if (day === this.segment.lastDay) this.#job.endSegment();
    this.#daysSinceCommit += 1;
    this.#tradesSinceCommit += progress.rows - progress.quarantinedCount;
    const isEnough = Math.max(...this.#job.waiting()) >= commitBars || Date.now() - this.#lastCommitMs >= commitAfterMs;
    if (isEnough) committed = added(committed, await this.finish());
    return { progress, committed };
  }

  /** Commits what waits. */
  async finish(): Promise<CommittedAmount> {
    return this.#commit(undefined);
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
    const { position, resume } = commit.unit;
    return commit.coverage.flatMap((part, i) => {
      const before = commit.coverage[i - 1];
      const throughBefore = before?.throughId ?? position.throughId;
      if (throughBefore === undefined || part.fromId === throughBefore + 1n) return [];
      const dayBefore = before?.day ?? this.#lastDay ?? resume?.day ?? part.day;
      return [{ fromId: throughBefore + 1n, throughId: part.fromId - 1n, dayBefore, dayAfter: part.day }];
    });
  }

  /** @param unfinishedDay the day whose archive is still being read, if one is */
  async #commit(unfinishedDay: Day | undefined): Promise<CommittedAmount> {
    this.units.forEach((unit, i) => {
      const { series, segment, build, attempt } = unit;
      const output = this.#job.take(i, { series, segment, build, attempt });
      if (output.parts.length === 0) return;
      const coverage = output.parts.map((part, at): NewCoverage => {
        const day = dayOfMs(Number(part.firstUs / 1000n));
        const file = this.#files.get(day);
        if (file === undefined) throw new Error(`no archive was read for ${day}, a day of ${series}`);
        const next = output.parts[at + 1];
        const isLastOfDay = next === undefined || dayOfMs(Number(next.firstUs / 1000n)) !== day;
        return {
          ...part,
          day,
          dayDone: isLastOfDay && day !== unfinishedDay,
          sourceName: file.name,
          sourceSha256: file.sha256,
          sourceRevision: 1,
          checkpoint: next === undefined ? output.checkpoint : undefined,
        };
      });
      this.#taken.push({ unit, bars: output.bars, block: output.block, coverage });
    });
    const [reference] = this.#taken;
    const holes = reference === undefined ? [] : this.#holesIn(reference);
    if (this.#taken.length > 0) await commitUnits(this.#store, this.#taken);
    this.#lastDay = reference?.coverage.at(-1)?.day ?? this.#lastDay;
    const amount = {
      holes,
      days: this.#daysSinceCommit,
      trades: this.#tradesSinceCommit,
      bars: this.#taken.reduce((sum, unit) => sum + unit.bars, 0),
    };
    this.#taken.length = 0;
    this.#daysSinceCommit = 0;
    this.#tradesSinceCommit = 0n;
    this.#lastCommitMs = Date.now();
    return amount;
  }
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
