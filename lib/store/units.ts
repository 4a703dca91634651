import { randomInt } from "node:crypto";
import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import { RefusedError } from "../model/errors.ts";
import type { SegmentId, Segmentation } from "../model/segments.ts";
import { unitId, type SeriesId } from "../model/series.ts";
import { release } from "../model/release.ts";
import { sqlInteger, sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";

/** What decides a build's bytes; a build keeps the fingerprint that it was opened with. */
export interface BuildFingerprint {
  /** The core's output version. */
  readonly barVersion: number;
  /** Which features are computed. Base bars and the ten microstructure columns are `base`. */
  readonly featureProfile: string;
  /** Resolution at which the opening trade's time is compared with the breaching trade's. */
  readonly gateUnitUs: number;
  readonly segmentation: Segmentation;
}

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
  readonly checkpoint: Uint8Array;
}

/** A unit opened for writing by one attempt; `commitUnits` moves its position on. */
export interface OpenUnit {
  readonly unitId: string;
  readonly series: SeriesId;
  readonly segment: SegmentId;
  readonly build: number;
  readonly attempt: bigint;
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

const bigintText = z.string().transform(BigInt);
const dayText = z.string().transform(parseDay);

const buildRow = z.object({
  segment: z.string(),
  build: z.number(),
  bar_version: z.number(),
  feature_profile: z.string(),
  gate_unit_us: bigintText,
  segmentation: z.string(),
});
const pointerRow = z.object({ build: z.number() });
const lastRow = z.object({
  attempt: bigintText,
  base: z.array(z.object({ attempt: bigintText, through_id: bigintText })),
  day: dayText,
  day_done: z.boolean(),
  through_id: bigintText,
  bars_digest: bigintText,
  last_us: bigintText,
  source_name: z.string(),
  source_sha256: z.string(),
  checkpoint: z.string(),
});
const attemptRow = z.object({ attempt: bigintText });

/**
 * Opens a unit: its published build, or a first one, whose pointer row is written before any bars.
 * @param firstDay the first day asked for; kept with a new build
 * @throws RefusedError SEGMENTATION_FIXED, BUILD_DIFFERS
 */
export async function openUnit(
  store: Store,
  request: {
    readonly series: SeriesId;
    readonly segment: SegmentId;
    readonly fingerprint: BuildFingerprint;
    readonly firstDay: Day;
  },
): Promise<OpenUnit> {
  const { series, segment } = request;
  const build = await openBuild(store, request);
  const key = unitKey(series, segment, build);
  const attempts = await attemptsOf(store, key);
  const last = attempts.size === 0 ? undefined : await lastOfChain(store, key);
  const greatest = [last?.attempt ?? 0n, ...attempts].reduce((a, b) => (a > b ? a : b));
  return {
    unitId: unitId(series, segment),
    series,
    segment,
    build,
    attempt: nextAttempt(greatest),
    attempts,
    base: last === undefined ? [] : [...last.base.map(linkOf), { attempt: last.attempt, throughId: last.through_id }],
    resume:
      last === undefined
        ? undefined
        : {
            day: last.day,
            dayDone: last.day_done,
            throughId: last.through_id,
            barsDigest: last.bars_digest,
            lastUs: last.last_us,
            sourceName: last.source_name,
            sourceSha256: last.source_sha256,
            checkpoint: Buffer.from(last.checkpoint, "base64"),
          },
    position: { parts: 0, rows: 0, throughId: last?.through_id, barsDigest: last?.bars_digest },
  };
}

/** Every attempt that has committed to a build, in its chain or not. */
async function attemptsOf(store: Store, key: string): Promise<ReadonlySet<bigint>> {
  const rows = await store.rows(
    `SELECT DISTINCT c.attempt AS attempt FROM barkeep.coverage AS c WHERE ${key}`,
    attemptRow,
  );
  return new Set(rows.map(({ attempt }) => attempt));
}

/** The chain's last row; an attempt outside the chain is not in the view. */
async function lastOfChain(store: Store, key: string): Promise<z.output<typeof lastRow> | undefined> {
  const [last] = await store.rows(
    `SELECT attempt, base, day, day_done, through_id, bars_digest, last_us, source_name, source_sha256, checkpoint FROM barkeep.coverage_published
WHERE ${key} ORDER BY through_id DESC, attempt DESC, part DESC LIMIT 1`,
    lastRow,
  );
  return last;
}

/** The SQL condition that names a unit's build. */
export function unitKey(series: SeriesId, segment: SegmentId, build: number): string {
  return `series = ${sqlString(series)} AND segment = ${sqlString(segment)} AND build = ${sqlInteger(build)}`;
}

const attemptRandomBits = 20n;

/** A number greater than every earlier attempt's, and another one than what somebody else takes at the same moment. */
function nextAttempt(greatest: bigint): bigint {
  return (
    (((greatest >> attemptRandomBits) + 1n) << attemptRandomBits) | BigInt(randomInt(2 ** Number(attemptRandomBits)))
  );
}

function linkOf(link: { attempt: bigint; through_id: bigint }): ChainLink {
  return { attempt: link.attempt, throughId: link.through_id };
}

/** A query for the build that readers see of a segment: no row where none is published. */
export function publishedBuildQuery(series: SeriesId, segment: SegmentId): string {
  return `SELECT build FROM barkeep.pointer WHERE series = ${sqlString(series)} AND segment = ${sqlString(segment)}
ORDER BY seq DESC, build DESC LIMIT 1`;
}

async function openBuild(store: Store, request: Parameters<typeof openUnit>[1]): Promise<number> {
  const { series, segment, fingerprint } = request;
  const builds = await store.rows(
    `SELECT segment, build, bar_version, feature_profile, gate_unit_us, segmentation FROM barkeep.builds
WHERE series = ${sqlString(series)} ORDER BY build`,
    buildRow,
  );
  const other = builds.find((row) => row.segmentation !== fingerprint.segmentation);
  if (other !== undefined) {
    throw new RefusedError(`${series} resets by ${other.segmentation}, not by ${fingerprint.segmentation}`, {
      code: "SEGMENTATION_FIXED",
      subject: series,
      hint: `leave --segment out or give --segment ${other.segmentation}; a series keeps the reset of its first build`,
    });
  }
  const [published] = await store.rows(publishedBuildQuery(series, segment), pointerRow);
  const ofSegment = builds.filter((row) => row.segment === segment);
  if (published === undefined) return publishFirst(store, request, ofSegment.at(-1)?.build);
  const known = ofSegment.find((row) => row.build === published.build);
  const isSame =
    known?.bar_version === fingerprint.barVersion &&
    known.feature_profile === fingerprint.featureProfile &&
    known.gate_unit_us === BigInt(fingerprint.gateUnitUs);
  if (isSame) return published.build;
  throw new RefusedError(`${unitId(series, segment)} was built by another version or profile of bars`, {
    code: "BUILD_DIFFERS",
    subject: series,
    hint: "use the release that built it, or another state directory",
  });
}

/** @param begun a build on record whose pointer row never came: the program was killed in between */
async function publishFirst(
  store: Store,
  { series, segment, fingerprint, firstDay }: Parameters<typeof openUnit>[1],
  begun: number | undefined,
): Promise<number> {
  const build = (begun ?? 0) + 1;
  await store.insertRows(
    "barkeep.builds (series, segment, build, bar_version, feature_profile, gate_unit_us, segmentation, first_day, release)",
    [
      {
        series,
        segment,
        build,
        bar_version: fingerprint.barVersion,
        feature_profile: fingerprint.featureProfile,
        gate_unit_us: fingerprint.gateUnitUs,
        segmentation: fingerprint.segmentation,
        first_day: firstDay,
        release,
      },
    ],
  );
  await store.insertRows("barkeep.pointer (series, segment, build, seq, reason)", [
    { series, segment, build, seq: 1, reason: "first build" },
  ]);
  return build;
}
