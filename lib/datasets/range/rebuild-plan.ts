import { effectiveStart, type Registry, type Settings } from "../../config/index.ts";
import type { Day } from "../../model/day.ts";
import { ConfigurationError } from "../../model/errors.ts";
import { segmentationOf, segmentOf, type SegmentId } from "../../model/segments.ts";
import { parseSeriesId, unitId, type SeriesId } from "../../model/series.ts";
import { openArchive, type ArchiveSource } from "../../sources/archive/index.ts";
import {
  buildsOf,
  pinPublished,
  pointerHistory,
  storedRows,
  type BuildRecord,
  type PinnedSegment,
  type Store,
} from "../../store/index.ts";
import { currentFingerprint } from "./fingerprint.ts";
import { rebuildReason } from "./rebuild-reasons.ts";
import { resolveSeries } from "./resolve-series.ts";

/** What is asked for: `all`, series, or units, and why. */
export interface RebuildRequest {
  readonly targets: readonly string[];
  /** Makes every unit anew that is named; without one, only those with a reason of their own. */
  readonly reason: string | undefined;
  /** An earlier first day than the units have. */
  readonly startAsked: Day | undefined;
}

/** A unit to be made anew, and all it takes. */
export interface PlannedRebuild {
  readonly unit: string;
  readonly published: PinnedSegment;
  readonly firstDay: Day;
  readonly reason: string;
  readonly source: ArchiveSource;
}

/** A unit that has a reason and is left alone: somebody went back to its older build. */
export interface HeldUnit {
  readonly unit: string;
  readonly reason: string;
}

export interface RebuildPlan {
  readonly rebuilds: readonly PlannedRebuild[];
  readonly held: readonly HeldUnit[];
  /** Units that were looked at and come out the same. */
  readonly unchanged: number;
}

/**
 * Finds the units that are to be made anew. Changes nothing.
 * @throws ConfigurationError NO_ARCHIVE, UNKNOWN_SERIES, UNKNOWN_UNIT; what the archive refuses
 */
export async function planRebuilds(
  store: Store,
  request: RebuildRequest,
  settings: Settings,
  registry: Registry,
  signal: AbortSignal,
): Promise<RebuildPlan> {
  const published = targetsOf(request.targets, await pinPublished(store));
  const [rowsOf, records] = [await storedRows(store), await buildsOf(store)];
  const sources = new Map<string, ArchiveSource>();
  const rebuilds: PlannedRebuild[] = [];
  const held: HeldUnit[] = [];
  for (const pinned of published) {
    signal.throwIfAborted();
    const { series, segment, build } = pinned;
    const unit = unitId(series, segment);
    const record = records.find((one) => one.series === series && one.segment === segment && one.build === build);
    const { market, symbol } = parseSeriesId(series);
    const place = `${market}/${symbol}`;
    const source = sources.get(place) ?? (await sourceOf(settings, market, symbol));
    sources.set(place, source);
    const fingerprint = currentFingerprint(segmentationOf(segment));
    const firstDay = earlierOf(firstDayOf(record, pinned), request.startAsked, segment, registry, symbol);
    const computed = async (): Promise<string | undefined> =>
      rebuildReason(record, pinned, fingerprint, rowsOf(pinned), source, signal);
    const reason = request.reason ?? (await computed());
    if (reason === undefined) continue;
    const [pointer] = await pointerHistory(store, series, segment);
    if (request.reason === undefined && pointer?.held === true) held.push({ unit, reason });
    else rebuilds.push({ unit, published: pinned, firstDay, reason, source });
  }
  return { rebuilds, held, unchanged: published.length - rebuilds.length - held.length };
}

/** Where a build began: a record that is lost, or says later than it is, keeps nothing out of the build that takes its place. */
function firstDayOf(record: BuildRecord | undefined, { parts }: PinnedSegment): Day {
  const { day } = parts[0];
  return record === undefined || day < record.firstDay ? day : record.firstDay;
}

async function sourceOf(settings: Settings, ...place: readonly [PlaceMarket, string]): Promise<ArchiveSource> {
  if (settings.archive !== undefined) return openArchive(settings.archive, ...place, settings.stateDirectory);
  throw new ConfigurationError("no archive was named", {
    code: "NO_ARCHIVE",
    hint: "give --archive DIR or URL (the folder that holds data/), or set BARKEEP_ARCHIVE",
  });
}

type PlaceMarket = Parameters<typeof openArchive>[1];

const unitText = /^(.+@\d+):(\d{4}(?:-\d{2})?|w\d{4}-\d{2}-\d{2})$/;

/** @throws ConfigurationError UNKNOWN_SERIES, AMBIGUOUS_SERIES, UNKNOWN_UNIT */
export function targetsOf(targets: readonly string[], published: readonly PinnedSegment[]): PinnedSegment[] {
  const existing = [...new Set(published.map(({ series }) => series))];
  const wanted = new Set(targets.flatMap((target) => named(target, existing, published)));
  return published.filter((one) => wanted.has(one));
}

function named(target: string, existing: readonly SeriesId[], published: readonly PinnedSegment[]): PinnedSegment[] {
  if (target === "all") return [...published];
  const [, seriesText, segment] = unitText.exec(target) ?? [];
  const series = resolveSeries(seriesText ?? target, existing);
  const found = published.filter((one) => one.series === series && (segment ?? one.segment) === one.segment);
  if (found.length > 0) return found;
  const held = published.filter((one) => one.series === series).map((one) => unitId(series, one.segment));
  throw new ConfigurationError(`the store has no unit ${target}`, {
    code: "UNKNOWN_UNIT",
    subject: target,
    hint: `of that series it holds ${held.join(", ")}`,
  });
}

/** @throws ConfigurationError START_OUTSIDE where the day asked for is not in the segment, in front of what is built */
function earlierOf(firstDay: Day, asked: Day | undefined, segment: SegmentId, registry: Registry, symbol: string): Day {
  if (asked === undefined) return firstDay;
  const bounds = segmentOf(firstDay, segmentationOf(segment));
  const start = effectiveStartOf(registry, symbol);
  const from = [asked, bounds.firstDay, ...(start === undefined ? [] : [start])].reduce((a, b) => (a > b ? a : b));
  if (from <= firstDay) return from;
  throw new ConfigurationError(`--start-date ${asked} is behind ${firstDay}, where the unit begins`, {
    code: "START_OUTSIDE",
    subject: `${symbol} ${segment}`,
    hint: "a rebuild covers what is published; name an earlier day, or leave --start-date out",
  });
}

function effectiveStartOf(registry: Registry, symbol: string): Day | undefined {
  const entry = registry.symbols.get(symbol);
  return entry === undefined ? undefined : effectiveStart(entry);
}
