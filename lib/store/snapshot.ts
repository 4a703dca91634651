import { z } from "zod";
import { compare } from "../model/compare.ts";
import { parseDay } from "../model/day.ts";
import { parseSegmentId, type SegmentId } from "../model/segments.ts";
import { parseSeriesId, seriesId, type SeriesId } from "../model/series.ts";
import { published } from "./schema/views.ts";
import { sqlInteger, sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import { unitKey } from "./unit-key.ts";

const bigintText = z.string().transform(BigInt);
const seriesText = z.string().transform((text) => seriesId(parseSeriesId(text)));
const dayText = z.string().transform(parseDay);

const row = z
  .object({
    series: seriesText,
    segment: z.string().transform(parseSegmentId),
    build: z.number(),
    attempt: bigintText,
    part: z.number(),
    day: dayText,
    day_done: z.boolean(),
    from_id: bigintText,
    through_id: bigintText,
    first_us: bigintText,
    last_us: bigintText,
    records: bigintText,
    fills: bigintText,
    volume: bigintText,
    turnover: bigintText,
    bars: bigintText,
    orphans: bigintText,
    quarantined: bigintText,
    bars_digest: bigintText,
    source_name: z.string(),
    source_sha256: z.string(),
    source_revision: z.number(),
    base: z.array(z.object({ attempt: bigintText, through_id: bigintText })),
    checkpoint: z.string(),
  })
  .transform((read) => ({
    series: read.series,
    segment: read.segment,
    build: read.build,
    attempt: read.attempt,
    part: read.part,
    day: read.day,
    dayDone: read.day_done,
    fromId: read.from_id,
    throughId: read.through_id,
    firstUs: read.first_us,
    lastUs: read.last_us,
    /** Aggregate trades. */
    records: read.records,
    fills: read.fills,
    volume: read.volume,
    turnover: read.turnover,
    bars: read.bars,
    orphans: read.orphans,
    quarantined: read.quarantined,
    barsDigest: read.bars_digest,
    sourceName: read.source_name,
    sourceSha256: read.source_sha256,
    sourceRevision: read.source_revision,
    base: read.base.map((link) => ({ attempt: link.attempt, throughId: link.through_id })),
    checkpoint: read.checkpoint,
  }));

/** A coverage row with all that it says; `checkpoint` is base64, empty but for the last row of a commit. */
export type CoverageRow = Readonly<z.output<typeof row>>;

/** The ids that one attempt holds of a build: `fromId` … `throughId`; the first of a chain holds all ids up to its end. */
export interface PinnedLink {
  readonly attempt: bigint;
  readonly fromId: bigint | undefined;
  readonly throughId: bigint;
}

/**
 * One build of a segment as one look at its coverage found it. Its bars can be read as long as the build's partition exists
 * (until `gc`), whatever is committed or published meanwhile: bars are only added, and those behind the look lie outside.
 */
export interface PinnedSegment {
  readonly series: SeriesId;
  readonly segment: SegmentId;
  readonly build: number;
  readonly links: readonly PinnedLink[];
  /** The chain's coverage, in id order; never empty. */
  readonly parts: readonly [CoverageRow, ...CoverageRow[]];
}

const columns = `series, segment, build, attempt, part, day, day_done, from_id, through_id, first_us, last_us, records, fills,
  toString(volume) AS volume, toString(turnover) AS turnover, bars, orphans, quarantined, bars_digest, source_name,
  source_sha256, source_revision, base, checkpoint`;

/** The published builds, in one look; a segment without coverage is absent. Ordered by series and id. */
export async function pinPublished(store: Store, series?: SeriesId): Promise<PinnedSegment[]> {
  const only = series === undefined ? "" : `AND series = ${sqlString(series)}`;
  const rows = await store.rows(
    `SELECT ${columns} FROM barkeep.coverage WHERE (series, segment, build) IN (${published}) ${only}`,
    row,
  );
  return pinned(rows);
}

/** One build, published or not; undefined where nothing of it is committed. */
export async function pinBuild(
  store: Store,
  series: SeriesId,
  segment: SegmentId,
  build: number,
): Promise<PinnedSegment | undefined> {
  const rows = await store.rows(
    `SELECT ${columns} FROM barkeep.coverage WHERE ${unitKey({ series, segment, build })}`,
    row,
  );
  return pinned(rows)[0];
}

/** What follows FROM to read a pinned segment's bars: more conditions may follow behind AND. */
export function pinnedBars(pinned: PinnedSegment): string {
  return `barkeep.bars WHERE ${pinnedCondition(pinned)}`;
}

/**
 * The condition on `barkeep.bars` that a pinned segment's bars meet, and no others. Columns are named with their table: by
 * itself a name would mean what a SELECT calls so.
 */
export function pinnedCondition(pinned: PinnedSegment): string {
  const { series, segment, build } = pinned;
  return `bars.series = ${sqlString(series)} AND bars.segment = ${sqlString(segment)} AND bars.build = ${sqlInteger(build)}
  AND (${heldRows(pinned, "bars.")})`;
}

/** The condition that a row of a build is one of the chain's. @param table in front of each column, where there may be others */
export function heldRows({ links }: PinnedSegment, table: "bars." | "" = ""): string {
  const held = links.map(({ attempt, fromId, throughId }) => {
    const ended = `${table}ended_by_id`;
    const ids =
      fromId === undefined
        ? `${ended} <= ${sqlInteger(throughId)}`
        : // An attempt may hold nothing but the orphan of a boundary that its base reached.
          `(${ended} BETWEEN ${sqlInteger(fromId)} AND ${sqlInteger(throughId)} OR (${ended} = ${sqlInteger(fromId - 1n)} AND ${table}orphan_reason NOT IN ('none', 'id_gap')))`;
    return `(${table}attempt = ${sqlInteger(attempt)} AND ${ids})`;
  });
  return held.join(" OR ");
}

const countRow = z.object({ rows: z.coerce.number() });

/** Did a reset end the segment? Its last bar is the boundary's orphan then. */
export async function hasBoundaryOrphan(store: Store, segment: PinnedSegment): Promise<boolean> {
  const [found] = await store.rows(
    `SELECT count() AS rows FROM ${pinnedBars(segment)} AND orphan_reason NOT IN ('none', 'id_gap')`,
    countRow,
  );
  return (found?.rows ?? 0) > 0;
}

function pinned(rows: readonly CoverageRow[]): PinnedSegment[] {
  const byBuild = Map.groupBy(rows, ({ series, segment, build }) => `${series} ${segment} ${build}`);
  return [...byBuild.values()]
    .flatMap((ofBuild) => {
      const links = chainOf(ofBuild);
      const [first, ...rest] = ofBuild.filter((one) => isHeld(one, links)).toSorted(inIdOrder);
      if (first === undefined) return [];
      const { series, segment, build } = first;
      return [{ series, segment, build, links, parts: [first, ...rest] as const }];
    })
    .toSorted((a, b) =>
      a.series === b.series ? compare(a.parts[0].fromId, b.parts[0].fromId) : compare(a.series, b.series),
    );
}

/** The greatest attempt that has coverage, behind the base it named; no other attempt's rows exist. */
export function chainOf(rows: readonly Pick<CoverageRow, "attempt" | "throughId" | "base">[]): PinnedLink[] {
  const [first] = rows;
  if (first === undefined) return [];
  const head = rows.reduce((best, one) => (one.attempt > best.attempt ? one : best), first);
  const throughId = rows.reduce(
    (most, one) => (one.attempt === head.attempt && one.throughId > most ? one.throughId : most),
    head.throughId,
  );
  const chain = [...head.base, { attempt: head.attempt, throughId }];
  return chain.map((link, i) => {
    const before = chain[i - 1];
    return {
      attempt: link.attempt,
      fromId: before === undefined ? undefined : before.throughId + 1n,
      throughId: link.throughId,
    };
  });
}

function isHeld(one: CoverageRow, links: readonly PinnedLink[]): boolean {
  return links.some(({ attempt, fromId, throughId }) => {
    if (one.attempt !== attempt || one.throughId > throughId) return false;
    if (fromId === undefined || one.throughId >= fromId) return true;
    // The end of a segment, found out by an attempt that read no further ids.
    return one.throughId === fromId - 1n && one.fromId > one.throughId;
  });
}

function inIdOrder(a: CoverageRow, b: CoverageRow): number {
  return (
    compare(a.fromId, b.fromId) || compare(a.throughId, b.throughId) || compare(a.attempt, b.attempt) || a.part - b.part
  );
}
