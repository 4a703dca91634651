import { z } from "zod";
import { addDays, dayStartMs, parseDay, type Day } from "../../../model/day.ts";
import { UnavailableError } from "../../../model/errors.ts";
import { segmentationOf, segmentOf, type Segment, type Segmentation } from "../../../model/segments.ts";
import { parseSeriesId, unitId, type RangeSeries } from "../../../model/series.ts";
import { barVersion, type CheckpointContent } from "../../../native/index.ts";
import { readCheckpoint, unitKey, type CoverageRow, type PinnedSegment, type Store } from "../../../store/index.ts";
import { currentFingerprint } from "../fingerprint.ts";

/** A gapless stretch of ids: what lies between two holes of the coverage. */
export interface Run {
  readonly fromId: bigint;
  readonly throughId: bigint;
  readonly parts: readonly CoverageRow[];
}

/** What is audited, with all that the rules need to know of it. */
export interface Subject {
  readonly pinned: PinnedSegment;
  readonly series: RangeSeries;
  readonly segment: Segment;
  readonly segmentation: Segmentation;
  /** The first µs of the segment, and the first behind it. */
  readonly startUs: bigint;
  readonly endUs: bigint;
  /** What the build's record says. */
  readonly record: BuildRecord;
  readonly runs: readonly [Run, ...Run[]];
  readonly last: CoverageRow;
  /** Ids that were seen and are no trades: they leave gaps between and inside bars, and only their number is on record. */
  readonly quarantined: bigint;
  /** What the chain's last checkpoint holds; undefined where it cannot be read or is not of the chain's end. */
  readonly checkpoint: CheckpointContent | undefined;
}

/** How a build was made. */
export interface BuildRecord {
  readonly gateUnitUs: bigint;
  /** The first day it was asked for; undefined where the build is not on record. */
  readonly firstDay: Day | undefined;
}

const buildRow = z.object({
  bar_version: z.number(),
  gate_unit_us: z.string().transform(BigInt),
  first_day: z.string().transform(parseDay),
});

/** @throws UnavailableError OTHER_BAR_VERSION where the build follows rules that this program does not know */
export async function subjectOf(store: Store, pinned: PinnedSegment): Promise<Subject> {
  const series = parseSeriesId(pinned.series);
  const segmentation = segmentationOf(pinned.segment);
  const segment = segmentOf(pinned.parts[0].day, segmentation);
  const last = pinned.parts.at(-1) ?? pinned.parts[0];
  return {
    pinned,
    series,
    segment,
    segmentation,
    startUs: startUs(segment.firstDay),
    endUs: startUs(addDays(segment.lastDay, 1)),
    record: await buildRecord(store, pinned, segmentation),
    runs: runsOf(pinned.parts),
    last,
    quarantined: pinned.parts.reduce((sum, part) => sum + part.quarantined, 0n),
    checkpoint: checkpointOf(last, series),
  };
}

function checkpointOf(last: CoverageRow, { threshold }: RangeSeries): CheckpointContent | undefined {
  const { content } = readCheckpoint({ ...last, thresholdDbps: threshold }, Buffer.from(last.checkpoint, "base64"));
  return content?.lastId === last.throughId && content.thresholdDbps === threshold ? content : undefined;
}

async function buildRecord(
  store: Store,
  { series, segment, build }: PinnedSegment,
  segmentation: Segmentation,
): Promise<BuildRecord> {
  const [record, other] = await store.rows(
    `SELECT bar_version, gate_unit_us, min(first_day) AS first_day FROM barkeep.builds
WHERE ${unitKey({ series, segment, build })} GROUP BY bar_version, gate_unit_us`,
    buildRow,
  );
  const known = currentFingerprint(segmentation);
  if (record === undefined) return { gateUnitUs: BigInt(known.gateUnitUs), firstDay: undefined };
  if (record.bar_version === known.barVersion && other === undefined) {
    return { gateUnitUs: record.gate_unit_us, firstDay: record.first_day };
  }
  const unit = unitId(series, segment);
  throw new UnavailableError(
    `${unit} was built by bars of version ${record.bar_version}, this program knows ${barVersion()}`,
    {
      code: "OTHER_BAR_VERSION",
      subject: unit,
      hint: "audit it with the release that built it",
    },
  );
}

/** Cuts coverage at its holes. @param parts in id order */
function runsOf(parts: PinnedSegment["parts"]): [Run, ...Run[]] {
  const [first, ...rest] = parts;
  let run = { fromId: first.fromId, throughId: first.throughId, parts: [first] };
  const runs: [Run, ...Run[]] = [run];
  for (const part of rest) {
    if (part.fromId > run.throughId + 1n) {
      run = { fromId: part.fromId, throughId: part.throughId, parts: [part] };
      runs.push(run);
      continue;
    }
    run.parts.push(part);
    if (part.throughId > run.throughId) run.throughId = part.throughId;
  }
  return runs;
}

/** The day whose archive an id was read from; undefined for an id that is not covered. */
export function dayOfId({ pinned }: Subject, id: bigint): Day | undefined {
  return pinned.parts.find((part) => part.fromId <= id && id <= part.throughId)?.day;
}

/** The first µs of a day. */
export function startUs(day: Day): bigint {
  return BigInt(dayStartMs(day)) * 1000n;
}
