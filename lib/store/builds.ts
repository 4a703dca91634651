import { z } from "zod";
import { parseDay, type Day } from "../model/day.ts";
import { release } from "../model/release.ts";
import type { SegmentId, Segmentation } from "../model/segments.ts";
import type { SeriesId } from "../model/series.ts";
import { sqlString } from "./sql/literal.ts";
import type { Store } from "./store.ts";
import type { BuildKey } from "./unit-key.ts";

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

const buildRow = z
  .object({
    series: z.string(),
    segment: z.string(),
    build: z.number(),
    bar_version: z.number(),
    feature_profile: z.string(),
    gate_unit_us: z.string().transform(BigInt),
    segmentation: z.string(),
    first_day: z.string().transform(parseDay),
    reason: z.string(),
  })
  .transform((row) => ({
    series: row.series,
    segment: row.segment,
    build: row.build,
    barVersion: row.bar_version,
    featureProfile: row.feature_profile,
    gateUnitUs: row.gate_unit_us,
    segmentation: row.segmentation,
    firstDay: row.first_day,
    reason: row.reason,
  }));

/** A build as it was put on record: what its bytes depend on, the first day it was asked for, and why. */
export type BuildRecord = Readonly<z.output<typeof buildRow>>;

/**
 * The builds of a series, or of all, oldest first. A build that was put on record again, because it was begun anew from an earlier day, has
 * the earliest of its first days.
 */
export async function buildsOf(store: Store, series?: SeriesId): Promise<BuildRecord[]> {
  const where = series === undefined ? "" : `WHERE series = ${sqlString(series)}`;
  return store.rows(
    `SELECT series, segment, build, bar_version, feature_profile, gate_unit_us, segmentation,
  min(b.first_day) OVER (PARTITION BY series, segment, build) AS first_day, reason
FROM barkeep.builds AS b ${where} ORDER BY series, segment, build, created_at LIMIT 1 BY series, segment, build`,
    buildRow,
  );
}

/** Puts a build on record. */
export async function recordBuild(
  store: Store,
  key: BuildKey,
  fingerprint: BuildFingerprint,
  firstDay: Day,
  reason: string,
): Promise<void> {
  await store.insertRows(
    "barkeep.builds (series, segment, build, bar_version, feature_profile, gate_unit_us, segmentation, first_day, release, reason)",
    [
      {
        series: key.series,
        segment: key.segment,
        build: key.build,
        bar_version: fingerprint.barVersion,
        feature_profile: fingerprint.featureProfile,
        gate_unit_us: fingerprint.gateUnitUs,
        segmentation: fingerprint.segmentation,
        first_day: firstDay,
        release,
        reason,
      },
    ],
  );
}

/** Would the program that made `build` make the same bytes as one with this fingerprint? */
export function isSameFingerprint(build: BuildRecord, fingerprint: BuildFingerprint): boolean {
  return (
    build.barVersion === fingerprint.barVersion &&
    build.featureProfile === fingerprint.featureProfile &&
    build.gateUnitUs === BigInt(fingerprint.gateUnitUs) &&
    build.segmentation === fingerprint.segmentation
  );
}

const pointerRow = z.object({
  build: z.number(),
  seq: z.string().transform(BigInt),
  held: z.boolean(),
  reason: z.string(),
});

/** What the pointer says of a segment. */
export type Published = Readonly<z.output<typeof pointerRow>>;

/** The pointer's rows of a segment, the effective one first. */
export async function pointerHistory(store: Store, series: SeriesId, segment: SegmentId): Promise<Published[]> {
  return store.rows(
    `SELECT build, seq, held, reason FROM barkeep.pointer WHERE series = ${sqlString(series)} AND segment = ${sqlString(segment)}
ORDER BY seq DESC, build DESC`,
    pointerRow,
  );
}

const publishedRow = z.object({ series: z.string(), segment: z.string(), published: z.number() });

/** Which build readers see of a segment, in one look at all. @returns by series and segment; undefined where the pointer has none */
export async function publishedBuilds(
  store: Store,
): Promise<(series: SeriesId, segment: SegmentId) => number | undefined> {
  const rows = await store.rows(
    "SELECT series, segment, argMax(build, (seq, build)) AS published FROM barkeep.pointer GROUP BY series, segment",
    publishedRow,
  );
  const byUnit = new Map(rows.map((row) => [`${row.series} ${row.segment}`, row.published]));
  return (series, segment) => byUnit.get(`${series} ${segment}`);
}

const heldRow = z.object({ series: z.string(), segment: z.string() });

/** Whether a unit is held: a person took its last rebuild back. @returns by series and segment */
export async function heldUnits(store: Store): Promise<(series: SeriesId, segment: SegmentId) => boolean> {
  const rows = await store.rows(
    `SELECT series, segment FROM barkeep.pointer GROUP BY series, segment HAVING argMax(held, (seq, build))`,
    heldRow,
  );
  const held = new Set(rows.map(({ series, segment }) => `${series} ${segment}`));
  return (series, segment) => held.has(`${series} ${segment}`);
}
