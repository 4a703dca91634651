import { z } from "zod";
import type { SymbolEntry } from "../../config/index.ts";
import { currentFingerprint } from "./fingerprint.ts";
import type { Day } from "../../model/day.ts";
import { NotYetAvailableError, UpstreamDataError } from "../../model/errors.ts";
import { segmentOf, segmentationOf } from "../../model/segments.ts";
import { parseSeriesId, type SeriesId } from "../../model/series.ts";
import { formatDigest, Job } from "../../native/index.ts";
import type { ArchiveSource } from "../../sources/archive/index.ts";
import {
  barColumns,
  decodeNative,
  decodeNativeBytes,
  holesOf,
  readCoverage,
  sqlInteger,
  sqlString,
  type CoveragePart,
  type NativeBlock,
  type NativeCell,
  type Store,
} from "../../store/index.ts";
import { readDigests } from "./digests.ts";
import { undeclared } from "./status.ts";

/** Something that is not as it must be. */
export interface VerifyFinding {
  readonly code: string;
  readonly text: string;
}

export interface VerifyResult {
  readonly series: SeriesId;
  readonly bars: bigint;
  readonly cells: bigint;
  readonly findings: readonly VerifyFinding[];
}

/** After this many differences the rest is only counted. */
const findingsMax = 20;

const orphansRow = z.object({ orphans: z.coerce.number() });

/** Bars of a unit that may wait before they are compared. */
const barsMax = 50_000;

/** Coverage and the holes that the registry declares must tile, and the stored bars must have the digest that their coverage was committed with. */
export async function verifyStored(
  store: Store,
  series: SeriesId,
  entry: SymbolEntry | undefined,
): Promise<VerifyResult> {
  const parts = await readCoverage(store, series);
  const findings = undeclared(holesOf(parts), entry).map((hole) => ({
    code: hole.throughId < hole.fromId ? "OVERLAP" : "HOLE",
    text: `ids ${hole.fromId} … ${hole.throughId} between ${hole.dayBefore} and ${hole.dayAfter}`,
  }));
  for (const { segment, stored, committed } of (await readDigests(store, series, parts)).segments) {
    if (stored === committed) continue;
    const text = `segment ${segment}: the stored bars have digest ${formatDigest(stored)}, committed was ${formatDigest(committed)}`;
    findings.push({ code: "DIGEST", text });
  }
  return { series, bars: parts.reduce((sum, part) => sum + part.bars, 0n), cells: 0n, findings };
}

/**
 * Derives a series again from the archive and compares every cell with the store. Changes nothing.
 * @throws UpstreamDataError, NotYetAvailableError where an archive the series was built from cannot be had any more
 */
export async function verifyDeep(
  store: Store,
  source: ArchiveSource,
  series: SeriesId,
  entry: SymbolEntry | undefined,
  signal: AbortSignal,
): Promise<VerifyResult> {
  const stored = await verifyStored(store, series, entry);
  const findings: VerifyFinding[] = [...stored.findings];
  let bars = 0n;
  let cells = 0n;
  const parts = await readCoverage(store, series);
  for (const ofSegment of Map.groupBy(parts, (part) => part.segment).values()) {
    const comparison = new SegmentComparison(store, series, ofSegment);
    for (const [day, ofDay] of Map.groupBy(ofSegment, (part) => part.day)) {
      signal.throwIfAborted();
      await comparison.addDay(source, day, ofDay, signal);
    }
    await comparison.finish();
    findings.push(...comparison.findings);
    bars += comparison.bars;
    cells += comparison.cells;
  }
  return { series, bars, cells, findings };
}

/** Derives one segment and compares it as it goes. */
class SegmentComparison {
  readonly findings: VerifyFinding[] = [];
  bars = 0n;
  cells = 0n;
  readonly #store: Store;
  readonly #series: SeriesId;
  readonly #parts: readonly CoveragePart[];
  readonly #job: Job;
  #differences = 0;
  readonly #coveredThrough: bigint;
  #comparedThrough: bigint | undefined;

  constructor(store: Store, series: SeriesId, parts: readonly CoveragePart[]) {
    const [first] = parts;
    if (first === undefined) throw new Error(`${series} has a segment without coverage`);
    this.#store = store;
    this.#series = series;
    this.#parts = parts;
    this.#coveredThrough = parts.at(-1)?.throughId ?? first.throughId;
    const segmentation = segmentationOf(first.segment);
    const { gateUnitUs } = currentFingerprint(segmentation);
    this.#job = new Job({ thresholds: [parseSeriesId(series).threshold], gateUnitUs, segmentation });
  }

  async addDay(source: ArchiveSource, day: Day, covered: readonly CoveragePart[], signal: AbortSignal): Promise<void> {
    const outcome = await source.fetchDay(day, signal);
    if (outcome.kind === "bad") throw outcome.error;
    if (outcome.kind === "missing") {
      throw new NotYetAvailableError(`the archive of ${day}, which the series was built from, is gone`, {
        code: "ARCHIVE_GONE",
        subject: this.#series,
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
    const { symbol } = parseSeriesId(this.#series);
    let progress = await this.#job.ingestDay({ path: outcome.path, sha256: outcome.sha256, symbol, day, barsMax });
    while (!progress.done) {
      await this.#compare();
      progress = await this.#job.resumeDay();
    }
    if (builtFrom !== undefined && day === segmentOf(day, segmentationOf(builtFrom.segment)).lastDay) {
      this.#job.endSegment();
    }
    if ((this.#job.waiting()[0] ?? 0) >= barsMax) await this.#compare();
  }

  async finish(): Promise<void> {
    // Without an archive of its last day a segment is over when the stream was seen to go on, which only its run knew.
    if (await this.#endedAtBoundary()) this.#job.endSegment();
    await this.#compare();
    if (this.#differences > findingsMax) {
      this.findings.push({ code: "MORE", text: `${this.#differences - findingsMax} more differences` });
    }
  }

  async #endedAtBoundary(): Promise<boolean> {
    const [first] = this.#parts;
    if (first === undefined) return false;
    const [found] = await this.#store.rows(
      `SELECT count() AS orphans FROM barkeep.bars_published WHERE series = ${sqlString(this.#series)}
  AND segment = ${sqlString(first.segment)} AND orphan_reason NOT IN ('none', 'id_gap')`,
      orphansRow,
    );
    return (found?.orphans ?? 0) > 0;
  }

  async #compare(): Promise<void> {
    const [first] = this.#parts;
    if (first === undefined) return;
    const output = this.#job.take(0, { series: this.#series, segment: first.segment, build: 0, attempt: 0n });
    const through = output.parts.at(-1)?.throughId;
    if (through === undefined) return;
    const after = this.#comparedThrough;
    this.#comparedThrough = through;
    const derived = rowsOf(decodeNativeBytes(output.block), this.#coveredThrough);
    const stored = rowsOf(decodeNative(this.#store.stream(this.#storedQuery(first, after, through), "Native")));
    for (;;) {
      const [expected, actual] = [await derived.next(), await stored.next()];
      if (expected.done === true && actual.done === true) return;
      this.#compareRow(
        expected.done === true ? undefined : expected.value,
        actual.done === true ? undefined : actual.value,
      );
    }
  }

  #storedQuery(first: CoveragePart, after: bigint | undefined, through: bigint): string {
    const columns = barColumns.map((name) =>
      name === "orphan_reason" ? "CAST(orphan_reason, 'Int8') AS orphan_reason" : name,
    );
    const from = after === undefined ? "" : `AND ended_by_id > ${sqlInteger(after)}`;
    return `SELECT ${columns.join(", ")} FROM barkeep.bars_published
WHERE series = ${sqlString(this.#series)} AND segment = ${sqlString(first.segment)} ${from}
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
    if (this.#differences <= findingsMax) this.findings.push({ code, text });
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
