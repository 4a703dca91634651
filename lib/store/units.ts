import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import { RefusedError, UnavailableError } from "../model/errors.ts";
import type { SegmentId } from "../model/segments.ts";
import { parseSeriesId, unitId, type SeriesId } from "../model/series.ts";
import {
  buildsOf,
  isSameFingerprint,
  pointerHistory,
  recordBuild,
  type BuildFingerprint,
  type BuildRecord,
} from "./builds.ts";
import { readCheckpoint } from "./checkpoint-fault.ts";
import { releaseLeases, takeLease, type Lease } from "./leases.ts";
import { movePointer, takePublishRight } from "./publish.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import { unitKey, type BuildKey } from "./unit-key.ts";

/** One attempt at an earlier part of a build: it holds the ids up to `throughId`. */
export interface ChainLink {
  readonly attempt: bigint;
  readonly throughId: bigint;
}

/** Where a unit's coverage ends. */
export interface ResumePoint {
  readonly day: Day;
  /** Was that day's archive read to its end? */
  readonly dayDone: boolean;
  readonly throughId: bigint;
  readonly barsDigest: bigint;
  /** Time of the last trade. */
  readonly lastUs: bigint;
  /** The archive the last part was read from. */
  readonly sourceName: string;
  readonly sourceSha256: string;
  readonly sourceRevision: number;
  readonly checkpoint: Uint8Array;
}

/** A unit opened for writing by one attempt; `commitUnits` moves its position on. */
export interface OpenUnit extends Lease {
  readonly unitId: string;
  /** The build that readers saw when it was opened: where they see another one, this writer has been overtaken. */
  readonly published: number;
  /** The attempts that had committed when this one began. */
  readonly attempts: ReadonlySet<bigint>;
  /** What this attempt continues from, oldest first; named by each of its coverage rows. */
  readonly base: readonly ChainLink[];
  readonly resume: ResumePoint | undefined;
  readonly position: UnitPosition;
}

/** What this attempt has committed so far. */
export interface UnitPosition {
  parts: number;
  rows: number;
  throughId: bigint | undefined;
  barsDigest: bigint | undefined;
}

/** What a unit is opened for. */
export interface UnitRequest {
  readonly series: SeriesId;
  readonly segment: SegmentId;
  readonly fingerprint: BuildFingerprint;
  /** The first day asked for; kept with a new build. */
  readonly firstDay: Day;
}

/**
 * Opens a unit's published build for writing, or a first one, whose pointer row is written before any bars. A published build that this
 * program cannot go on with, and of which nothing is covered, makes room for the next one: there is nothing in it to make anew.
 * @throws RefusedError LEASE_HELD, SEGMENTATION_FIXED, BUILD_DIFFERS, SUPERSEDED; what openBuild refuses
 */
export async function openUnit(store: Store, request: UnitRequest): Promise<OpenUnit> {
  const { series, segment } = request;
  // Before the records: a build is on record before it is published.
  const [published] = await pointerHistory(store, series, segment);
  const builds = await buildsOf(store, series);
  refuseOtherSegmentation(series, builds, request.fingerprint);
  const ofSegment = builds.filter((row) => row.segment === segment);
  if (published === undefined) return openFirst(store, request, ofSegment);
  const known = ofSegment.find((row) => row.build === published.build);
  if (known !== undefined && isSameFingerprint(known, request.fingerprint)) return reopen(store, request, known);
  const left = { series, segment, build: published.build };
  const unit = unitId(series, segment);
  if (!(await isCovered(store, left))) {
    const made = known === undefined ? "what made it is not on record" : "another version or profile of bars made it";
    const reason = `nothing of build ${left.build} is covered, and ${made}`;
    return (await openInPlace(store, request, left, reason)) ?? openUnit(store, request);
  }
  const why =
    known === undefined
      ? `what made build ${left.build} of ${unit} is not on record`
      : `${unit} was built by another version or profile of bars`;
  throw new RefusedError(why, {
    code: "BUILD_DIFFERS",
    subject: unit,
    hint: `make it anew beside the old one with: barkeep rebuild ${unit}`,
  });
}

/**
 * A build of which nothing is covered, because nothing was committed or that is lost, begins where it is asked to now: it goes on record
 * with that day before its first bars, for a rebuild has to cover as much.
 */
async function reopen(store: Store, request: UnitRequest, known: BuildRecord): Promise<OpenUnit> {
  const { series, segment, fingerprint, firstDay } = request;
  const { build } = known;
  const unit = await openBuild(store, { series, segment, build }, build);
  if (unit.resume !== undefined || known.firstDay <= firstDay) return unit;
  try {
    await recordBuild(store, unit, fingerprint, firstDay, known.reason);
  } catch (error) {
    await releaseLeases(store, [unit]);
    throw error;
  }
  return unit;
}

/**
 * Takes the lease on a build and finds where it ends. The lease comes first: whoever took it later has seen all that this
 * one will go on from.
 * @param published the build that readers see
 * @throws RefusedError LEASE_HELD; UnavailableError CHECKPOINT_AHEAD and what the core refuses of a checkpoint
 */
export async function openBuild(store: Store, key: BuildKey, published: number): Promise<OpenUnit> {
  const lease = await takeLease(store, key);
  try {
    return await openLeased(store, lease, published);
  } catch (error) {
    await releaseLeases(store, [lease]);
    throw error;
  }
}

async function openLeased(store: Store, lease: Lease, published: number): Promise<OpenUnit> {
  const { series, segment } = lease;
  const attempts = await attemptsOf(store, lease);
  const last = attempts.size === 0 ? undefined : await lastOfChain(store, lease);
  return {
    ...lease,
    unitId: unitId(series, segment),
    published,
    attempts,
    base: last === undefined ? [] : [...last.base.map(linkOf), { attempt: last.attempt, throughId: last.through_id }],
    resume: last === undefined ? undefined : resumePoint(lease, last),
    position: { parts: 0, rows: 0, throughId: last?.through_id, barsDigest: last?.bars_digest },
  };
}

/** The lease on the number to be comes first, so that of two who begin at once one makes the build and the other one waits. */
async function openFirst(store: Store, request: UnitRequest, begun: readonly BuildRecord[]): Promise<OpenUnit> {
  const { series, segment, fingerprint, firstDay } = request;
  const last = begun.at(-1);
  // Killed between its record and its pointer row.
  const isBegun = last !== undefined && isSameFingerprint(last, fingerprint) && last.firstDay === firstDay;
  const key = { series, segment, build: isBegun ? last.build : (last?.build ?? 0) + 1 };
  const unit = await openBuild(store, key, key.build);
  const [published] = await pointerHistory(store, series, segment);
  if (published?.build === key.build) return unit;
  if (published !== undefined) {
    await releaseLeases(store, [unit]);
    return openUnit(store, request);
  }
  if (!isBegun) await recordBuild(store, key, fingerprint, firstDay, "first build");
  await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [
    { ...key, seq: 1, reason: "first build" },
  ]);
  return unit;
}

/**
 * Publishes the next build, empty, in the place of one of which nothing is covered. The lease on the one that is left behind is held until
 * then: while somebody may commit to it, nothing is taken from what readers see. Whoever does this at the same time, or did and was
 * killed, takes the same number, so that no pointer row that comes late hides what another one has committed.
 * @returns undefined where somebody has committed, published or begun something meanwhile: it is to be looked at again
 */
async function openInPlace(
  store: Store,
  request: UnitRequest,
  left: BuildKey,
  reason: string,
): Promise<OpenUnit | undefined> {
  const { series, segment, fingerprint, firstDay } = request;
  const lease = await takeLease(store, left);
  try {
    const begun = await begunInPlace(store, request, left, reason);
    const key = { ...left, build: begun?.build ?? (await greatestBuild(store, left)) + 1 };
    const unit = await openBuild(store, key, key.build);
    try {
      const [published] = await pointerHistory(store, series, segment);
      const isFree = begun !== undefined || (await greatestBuild(store, left)) < key.build;
      if (published?.build === left.build && isFree && !(await isCovered(store, left))) {
        if (begun === undefined || firstDay < begun.firstDay) {
          await recordBuild(store, key, fingerprint, firstDay, reason);
        }
        const right = await takePublishRight(store, key);
        await movePointer(store, right, { expected: left.build, reason, held: false });
        return unit;
      }
    } catch (error) {
      await releaseLeases(store, [unit]);
      throw error;
    }
    await releaseLeases(store, [unit]);
    return undefined;
  } finally {
    await releaseLeases(store, [lease]);
  }
}

/** What was put on record to take the place of a build, and never published. */
async function begunInPlace(
  store: Store,
  { series, segment, fingerprint }: UnitRequest,
  { build }: BuildKey,
  reason: string,
): Promise<BuildRecord | undefined> {
  const wasPublished = new Set((await pointerHistory(store, series, segment)).map((one) => one.build));
  return (await buildsOf(store, series)).findLast(
    (row) =>
      row.segment === segment &&
      row.build > build &&
      row.reason === reason &&
      !wasPublished.has(row.build) &&
      isSameFingerprint(row, fingerprint),
  );
}

const greatestRow = z.object({ build: z.number() });

/** The greatest number of a build of which anything is known: records may be lost. */
async function greatestBuild(store: Store, { series, segment }: BuildKey): Promise<number> {
  const ofSegment = `series = ${sqlString(series)} AND segment = ${sqlString(segment)}`;
  const known = ["builds", "coverage", "pointer"].map(
    (table) => `SELECT build FROM barkeep.${table} WHERE ${ofSegment}`,
  );
  const [row] = await store.rows(`SELECT max(build) AS build FROM (${known.join(" UNION ALL ")})`, greatestRow);
  return row?.build ?? 0;
}

function refuseOtherSegmentation(
  series: SeriesId,
  builds: readonly BuildRecord[],
  { segmentation }: BuildFingerprint,
): void {
  const other = builds.find((row) => row.segmentation !== segmentation);
  if (other === undefined) return;
  throw new RefusedError(`${series} resets by ${other.segmentation}, not by ${segmentation}`, {
    code: "SEGMENTATION_FIXED",
    subject: series,
    hint: `leave --segment out or give --segment ${other.segmentation}; a series keeps the reset of its first build`,
  });
}

const bigintText = z.string().transform(BigInt);

const lastRow = z.object({
  attempt: bigintText,
  base: z.array(z.object({ attempt: bigintText, through_id: bigintText })),
  day: z.string().transform(parseDay),
  day_done: z.boolean(),
  through_id: bigintText,
  bars_digest: bigintText,
  last_us: bigintText,
  records: bigintText,
  source_name: z.string(),
  source_sha256: z.string(),
  source_revision: z.number(),
  checkpoint: z.string(),
});
type LastRow = z.output<typeof lastRow>;

const attemptRow = z.object({ attempt: bigintText });

/** Every attempt that has committed to a build, in its chain or not. */
async function attemptsOf(store: Store, key: BuildKey): Promise<ReadonlySet<bigint>> {
  const rows = await store.rows(
    `SELECT DISTINCT c.attempt AS attempt FROM barkeep.coverage AS c WHERE ${unitKey(key)}`,
    attemptRow,
  );
  return new Set(rows.map(({ attempt }) => attempt));
}

async function isCovered(store: Store, key: BuildKey): Promise<boolean> {
  return (await attemptsOf(store, key)).size > 0;
}

/** The chain's last row: the last one of the greatest attempt that has coverage. */
async function lastOfChain(store: Store, key: BuildKey): Promise<LastRow | undefined> {
  const [last] = await store.rows(
    `SELECT c.attempt AS attempt, base, day, day_done, c.through_id AS through_id, bars_digest, last_us, records, source_name, source_sha256,
  source_revision, checkpoint
FROM barkeep.coverage AS c WHERE ${unitKey(key)} ORDER BY c.attempt DESC, c.through_id DESC, c.part DESC LIMIT 1`,
    lastRow,
  );
  return last;
}

/** A checkpoint that is damaged, or stands elsewhere than the coverage row that carries it, is refused and not trusted. */
function resumePoint({ series, segment }: BuildKey, last: LastRow): ResumePoint {
  const checkpoint = Buffer.from(last.checkpoint, "base64");
  const place = {
    thresholdDbps: parseSeriesId(series).threshold,
    throughId: last.through_id,
    lastUs: last.last_us,
    records: last.records,
    barsDigest: last.bars_digest,
  };
  const { fault } = readCheckpoint(place, checkpoint);
  if (fault !== undefined) {
    const unit = unitId(series, segment);
    throw new UnavailableError(fault.text, {
      code: fault.code,
      subject: unit,
      hint: `the bars up to there are not touched; make the unit anew with: barkeep rebuild ${unit} --reason "damaged checkpoint"`,
    });
  }
  return {
    day: last.day,
    dayDone: last.day_done,
    throughId: last.through_id,
    barsDigest: last.bars_digest,
    lastUs: last.last_us,
    sourceName: last.source_name,
    sourceSha256: last.source_sha256,
    sourceRevision: last.source_revision,
    checkpoint,
  };
}

function linkOf(link: { attempt: bigint; through_id: bigint }): ChainLink {
  return { attempt: link.attempt, throughId: link.through_id };
}
