import { z } from "zod";
import type { SymbolEntry } from "../../config/index.ts";
import { parseSegmentId } from "../../model/segments.ts";
import type { SeriesId } from "../../model/series.ts";
import type { ArchiveSource } from "../../sources/archive/index.ts";
import {
  holesOf,
  pinPublished,
  sqlString,
  type CoverageRow,
  type PinnedSegment,
  type Store,
} from "../../store/index.ts";
import { auditSegment, type AuditContext, type VerifyFinding } from "./audit/index.ts";
import { SegmentComparison } from "./segment-comparison.ts";
import { undeclared } from "./status.ts";

export type { VerifyFinding } from "./audit/index.ts";

export interface VerifyResult {
  readonly series: SeriesId;
  readonly bars: bigint;
  readonly cells: bigint;
  readonly findings: readonly VerifyFinding[];
}

/**
 * Proves what is published of a series by itself: every segment's audit, and between segments that ids and times go on. Holes
 * of ids are findings unless the registry declares them.
 * @throws UnavailableError OTHER_BAR_VERSION
 */
export async function verifyStored(
  store: Store,
  series: SeriesId,
  entry: SymbolEntry | undefined,
  context: AuditContext,
): Promise<VerifyResult> {
  return verifyPinned(store, series, await pinPublished(store, series), entry, context);
}

async function verifyPinned(
  store: Store,
  series: SeriesId,
  segments: readonly PinnedSegment[],
  entry: SymbolEntry | undefined,
  context: AuditContext,
): Promise<VerifyResult> {
  const parts = segments.flatMap((pinned) => pinned.parts);
  const findings: VerifyFinding[] = [
    ...(await unpublishedFindings(store, series, segments)),
    ...holeFindings(parts, entry),
    ...segments.flatMap(joinFindings),
  ];
  for (const pinned of segments) findings.push(...(await auditSegment(store, pinned, context)));
  return { series, bars: parts.reduce((sum, part) => sum + part.bars, 0n), cells: 0n, findings };
}

const segmentRow = z.object({ segment: z.string().transform(parseSegmentId), builds: z.array(z.number()) });

/** Segments that were built and that no reader sees: a first build is published before its first bars. */
async function unpublishedFindings(
  store: Store,
  series: SeriesId,
  segments: readonly PinnedSegment[],
): Promise<VerifyFinding[]> {
  const rows = await store.rows(
    `SELECT segment, arraySort(groupUniqArray(build)) AS builds FROM barkeep.coverage WHERE series = ${sqlString(series)}
GROUP BY segment ORDER BY segment`,
    segmentRow,
  );
  return rows
    .filter((row) => !segments.some((pinned) => pinned.segment === row.segment))
    .map(({ segment, builds }) => {
      const text = `segment ${segment}: no build that has coverage (${builds.join(", ")}) is published`;
      return { code: "NOT_PUBLISHED", text, segment };
    });
}

function holeFindings(parts: readonly CoverageRow[], entry: SymbolEntry | undefined): VerifyFinding[] {
  return undeclared(holesOf(parts), entry)
    .filter((hole) => hole.throughId >= hole.fromId)
    .map(({ fromId, throughId, dayBefore, dayAfter }) => ({
      code: "HOLE",
      text: `ids ${fromId} … ${throughId} between ${dayBefore} and ${dayAfter}`,
      day: dayAfter,
      id: fromId,
    }));
}

/** How a segment goes on from the one before it. */
function joinFindings(pinned: PinnedSegment, i: number, segments: readonly PinnedSegment[]): VerifyFinding[] {
  const before = segments[i - 1]?.parts.at(-1);
  const [part] = pinned.parts;
  if (before === undefined) return [];
  const place = { segment: pinned.segment, day: part.day, id: part.fromId };
  const findings: VerifyFinding[] = [];
  if (part.fromId <= before.throughId) {
    const text = `ids ${part.fromId} … ${before.throughId} are covered twice, by ${before.segment} and ${part.segment}`;
    findings.push({ code: "OVERLAP", text, ...place });
  }
  if (part.firstUs < before.lastUs) {
    const text = `segment ${part.segment} begins at ${part.firstUs} µs, before ${before.lastUs} µs, where ${before.segment} ends`;
    findings.push({ code: "COVERAGE_TIME", text, ...place });
  }
  return findings;
}

/**
 * The same, and derives the series again from the archive and compares every cell with the store. Changes nothing.
 * @throws UpstreamDataError, NotYetAvailableError where an archive the series was built from cannot be had any more
 */
export async function verifyDeep(
  store: Store,
  source: ArchiveSource,
  series: SeriesId,
  entry: SymbolEntry | undefined,
  context: AuditContext,
): Promise<VerifyResult> {
  const segments = await pinPublished(store, series);
  const findings: VerifyFinding[] = [...(await verifyPinned(store, series, segments, entry, context)).findings];
  let bars = 0n;
  let cells = 0n;
  for (const pinned of segments) {
    const comparison = new SegmentComparison(store, pinned);
    for (const [day, ofDay] of Map.groupBy(pinned.parts, (part) => part.day)) {
      context.signal.throwIfAborted();
      await comparison.addDay(source, day, ofDay, context.signal);
    }
    await comparison.finish();
    findings.push(...comparison.findings);
    bars += comparison.bars;
    cells += comparison.cells;
  }
  return { series, bars, cells, findings };
}
