import { z } from "zod";
import { NotYetAvailableError, UpstreamDataError } from "../../model/errors.ts";
import type { Day } from "../../model/day.ts";
import { segmentationOf, segmentOf } from "../../model/segments.ts";
import { parseSeriesId } from "../../model/series.ts";
import { Job } from "../../native/index.ts";
import type { ArchiveSource } from "../../sources/archive/index.ts";
import {
  barColumns,
  decodeNative,
  decodeNativeBytes,
  pinnedBars,
  sqlInteger,
  type CoverageRow,
  type NativeBlock,
  type NativeCell,
  type PinnedSegment,
  type Store,
} from "../../store/index.ts";
import type { VerifyFinding } from "./audit/index.ts";
import { currentFingerprint } from "./fingerprint.ts";

const orphansRow = z.object({ orphans: z.coerce.number() });

/** After this many differences the rest is only counted. */
const findingsMax = 20;

/** Bars of a unit that may wait before they are compared. */
const barsMax = 50_000;

/** Derives one pinned segment again and compares every cell as it goes. */
export class SegmentComparison {
  readonly findings: VerifyFinding[] = [];
  bars = 0n;
  cells = 0n;
  readonly #store: Store;
  readonly #pinned: PinnedSegment;
  readonly #end: CoverageRow;
  readonly #job: Job;
  #differences = 0;
  #comparedThrough: bigint | undefined;

  constructor(store: Store, pinned: PinnedSegment) {
    this.#store = store;
    this.#pinned = pinned;
    this.#end = pinned.parts.at(-1) ?? pinned.parts[0];
    const segmentation = segmentationOf(pinned.segment);
    const { gateUnitUs } = currentFingerprint(segmentation);
    this.#job = new Job({ thresholds: [parseSeriesId(pinned.series).threshold], gateUnitUs, segmentation });
  }

  async addDay(source: ArchiveSource, day: Day, covered: readonly CoverageRow[], signal: AbortSignal): Promise<void> {
    const outcome = await source.fetchDay(day, signal);
    if (outcome.kind === "bad") throw outcome.error;
    if (outcome.kind === "missing") {
      throw new NotYetAvailableError(`the archive of ${day}, which the series was built from, is gone`, {
        code: "ARCHIVE_GONE",
        subject: this.#pinned.series,
        hint: "name the archive it was built from with --archive",
      });
    }
    const [builtFrom] = covered;
    if (builtFrom !== undefined && builtFrom.sourceSha256 !== outcome.sha256) {
      throw new UpstreamDataError(`the archive of ${day} is another revision than the one the series was built from`, {
        code: "ARCHIVE_REVISED",
        subject: outcome.path,
        hint: `built from SHA-256 ${builtFrom.sourceSha256}; published is ${outcome.sha256}`,
      });
    }
    const { symbol } = parseSeriesId(this.#pinned.series);
    let progress = await this.#job.ingestDay({ path: outcome.path, sha256: outcome.sha256, symbol, day, barsMax });
    while (!progress.done) {
      await this.#compare();
      progress = await this.#job.resumeDay();
    }
    if (builtFrom !== undefined && day === segmentOf(day, segmentationOf(builtFrom.segment)).lastDay) {
      this.#job.endSegment();
    }
    // What a boundary ends has the last id of the last day: that day is compared as a whole, when it is known whether one did.
    if (day !== this.#end.day && (this.#job.waiting()[0] ?? 0) >= barsMax) await this.#compare();
  }

  async finish(): Promise<void> {
    // Without an archive of its last day a segment is over when the stream was seen to go on, which only its run knew.
    if (await this.#endedAtBoundary()) this.#job.endSegment();
    await this.#compare();
    if (this.#differences > findingsMax) {
      const more = this.#differences - findingsMax;
      this.findings.push({ code: "MORE", text: `${more} more differences`, segment: this.#pinned.segment, more });
    }
  }

  async #endedAtBoundary(): Promise<boolean> {
    const [found] = await this.#store.rows(
      `SELECT count() AS orphans FROM ${pinnedBars(this.#pinned)} AND orphan_reason NOT IN ('none', 'id_gap')`,
      orphansRow,
    );
    return (found?.orphans ?? 0) > 0;
  }

  async #compare(): Promise<void> {
    const { series, segment } = this.#pinned;
    const output = this.#job.take(0, { series, segment, build: 0, attempt: 0n });
    const through = output.parts.at(-1)?.throughId;
    if (through === undefined) return;
    const after = this.#comparedThrough;
    this.#comparedThrough = through;
    const derived = rowsOf(decodeNativeBytes(output.block), this.#end.throughId);
    const stored = rowsOf(decodeNative(this.#store.stream(this.#storedQuery(after, through), "Native")));
    for (;;) {
      const [expected, actual] = [await derived.next(), await stored.next()];
      if (expected.done === true && actual.done === true) return;
      this.#compareRow(
        expected.done === true ? undefined : expected.value,
        actual.done === true ? undefined : actual.value,
      );
    }
  }

  #storedQuery(after: bigint | undefined, through: bigint): string {
    const columns = barColumns.map((name) =>
      name === "orphan_reason" ? "CAST(orphan_reason, 'Int8') AS orphan_reason" : name,
    );
    const from = after === undefined ? "" : `AND ended_by_id > ${sqlInteger(after)}`;
    return `SELECT ${columns.join(", ")} FROM ${pinnedBars(this.#pinned)} ${from}
  AND ended_by_id <= ${sqlInteger(through)} ORDER BY first_agg_trade_id`;
  }

  #compareRow(expected: BarRow | undefined, actual: BarRow | undefined): void {
    if (expected === undefined || actual === undefined) {
      const id = String((expected ?? actual)?.get("first_agg_trade_id"));
      this.#differ(expected === undefined ? "EXTRA_BAR" : "MISSING_BAR", `the bar that begins with trade ${id}`);
      return;
    }
    this.bars += 1n;
    for (const column of barColumns) {
      const [want, have] = [expected.get(column), actual.get(column)];
      this.cells += 1n;
      if (Object.is(want, have)) continue;
      const id = String(expected.get("first_agg_trade_id"));
      this.#differ("CELL", `the bar that begins with trade ${id}: ${column} is ${have}, derived ${want}`);
    }
  }

  #differ(code: string, text: string): void {
    this.#differences += 1;
    if (this.#differences <= findingsMax) this.findings.push({ code, text, segment: this.#pinned.segment });
  }
}

type BarRow = ReadonlyMap<string, NativeCell | undefined>;

/** @param through bars that a later id ended are left out: the last day may be committed in part */
async function* rowsOf(blocks: AsyncIterable<NativeBlock>, through?: bigint): AsyncGenerator<BarRow> {
  for await (const block of blocks) {
    for (let row = 0; row < block.rows; row += 1) {
      if (through !== undefined && BigInt(block.columns.get("ended_by_id")?.[row] ?? 0) > through) continue;
      yield new Map(barColumns.map((name) => [name, block.columns.get(name)?.[row]]));
    }
  }
}
