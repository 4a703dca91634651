import type { Settings } from "../config/index.ts";
import { planDocumentOf } from "../datasets/range/plan-document.ts";
import type { UnitEstimate } from "../datasets/range/estimate.ts";
import type { PopulatePlan } from "../datasets/range/plan.ts";
import type { SymbolWork } from "../datasets/range/populate.ts";
import type { JsonValue } from "../model/canonical-json.ts";
import { groupOf, type WorkGroup } from "../model/groups.ts";
import { segmentsBetween } from "../model/segments.ts";
import { seriesId, unitId, type RangeSeries } from "../model/series.ts";
import { currentFingerprint } from "../datasets/range/fingerprint.ts";
import type { MemoryRequest } from "../plan/memory.ts";
import type { JobName } from "../queue/label.ts";

/** Units of one symbol and segment that share a pass over the trades: what is queued, placed and limited. */
export interface QueueableJob extends JobName {
  readonly group: WorkGroup;
  /** What it does, to the day: a plan of its own, without anything that is looked up later. */
  readonly document: JsonValue;
  /** Of the bars that it makes. */
  readonly barVersion: number;
  /** Zipped archives to be read; undefined where nobody knows any more. */
  readonly archiveBytes: number | undefined;
}

/** What a job is expected to take. */
export interface JobNeeds {
  readonly memory: MemoryRequest;
  readonly seconds: number;
}

/** The same with what it is expected to take. */
export interface FleetJob extends QueueableJob, JobNeeds {
  readonly units: readonly UnitEstimate[];
  readonly archiveBytes: number;
}

/** What is known of a job before it runs. */
export type SizedJob = JobName & Pick<QueueableJob, "group" | "archiveBytes">;

/** Which units share a job: all of a symbol and segment, or each threshold by itself. */
export type PassPolicy = "shared" | "single";

/**
 * The jobs of a plan, in its order.
 * @param needsOf what a job is expected to take
 * @param isWanted which units, by their ids; the others are left out
 */
export function jobsOfPlan(
  plan: Pick<PopulatePlan, "symbols">,
  settings: Pick<Settings, "archive" | "segmentation">,
  pass: PassPolicy,
  needsOf: (job: SizedJob) => JobNeeds,
  isWanted: (unit: string) => boolean,
): FleetJob[] {
  return plan.symbols.flatMap(({ work, units }) => {
    const estimates = new Map(units.map((unit) => [unit.unit, unit]));
    return segmentsBetween(work.range.from, work.range.to, work.segmentation).flatMap((segment) => {
      const lacking = work.series.flatMap((series) => {
        const estimate = estimates.get(unitId(seriesId(series), segment.id));
        return estimate === undefined || !isWanted(estimate.unit) ? [] : [{ series, estimate }];
      });
      const passes = pass === "shared" ? [lacking] : lacking.map((one) => [one]);
      return passes.flatMap((members) => jobOf({ ...work, only: segment.id }, members, settings, needsOf) ?? []);
    });
  });
}

interface Member {
  readonly series: RangeSeries;
  readonly estimate: UnitEstimate;
}

/** The ids of a job's units. */
export function unitsOf({ venue, market, symbol, thresholds, segment }: JobName): string[] {
  return thresholds.map((threshold) => unitId(seriesId({ venue, market, symbol, threshold }), segment));
}

function jobOf(
  work: SymbolWork & Required<Pick<SymbolWork, "only">>,
  members: readonly Member[],
  settings: Pick<Settings, "archive" | "segmentation">,
  needsOf: (job: SizedJob) => JobNeeds,
): FleetJob | undefined {
  const [first] = members;
  if (first === undefined || work.only === undefined) return undefined;
  const { venue, market, symbol } = first.series;
  const series = members.map((one) => one.series);
  const units = members.map(({ estimate }) => estimate);
  const thresholds = series.map(({ threshold }) => threshold);
  const archiveBytes = Math.max(...units.map((unit) => unit.archiveBytes));
  const sized = { venue, market, symbol, thresholds, segment: work.only, group: groupOf(thresholds), archiveBytes };
  return {
    ...sized,
    ...needsOf(sized),
    units,
    barVersion: currentFingerprint(settings.segmentation).barVersion,
    document: planDocumentOf({ symbols: [{ work: { ...work, series }, units }] }, settings),
  };
}
