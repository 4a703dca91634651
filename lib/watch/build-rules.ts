import { unitId } from "../model/series.ts";
import { isSameFingerprint, type BuildFingerprint, type BuildRecord, type UnitOutline } from "../store/index.ts";
import type { Gap } from "./gap.ts";
import { priorityOf } from "./gap-rules.ts";

/** What is known of a unit's published build beside its coverage. */
export interface BuildEvidence {
  readonly unit: UnitOutline;
  readonly record: BuildRecord | undefined;
  /** Rows of bars that the store holds of the build, committed or not. */
  readonly storedRows: number;
  /** A person has taken a rebuild back: no computed reason asks for another. */
  readonly isHeld: boolean;
}

/** Where a unit's build is not the one that should be there: bars were lost, or it would come out otherwise today. Pure. */
export function buildGaps(evidence: BuildEvidence, fingerprint: BuildFingerprint, nowMs: number): Gap[] {
  const { unit, record, storedRows, isHeld } = evidence;
  const gaps: Gap[] = [];
  const committed = unit.bars + unit.orphans;
  const whole = {
    series: unit.series,
    unit: unitId(unit.series, unit.segment),
    fromDay: unit.firstDay,
    throughDay: unit.lastDay,
  };
  // Parts that are there twice count their bars twice: that is a finding of its own, and the number says nothing.
  const isDoubled = unit.breaks.some(({ beforeThroughId, afterFromId }) => afterFromId <= beforeThroughId);
  if (storedRows < committed && !isDoubled) {
    const reason = `the store holds ${storedRows} of the ${committed} bars that were committed`;
    const priority = priorityOf("interior", unit.lastDay, nowMs);
    gaps.push({ kind: "interior", cause: "bars-lost", priority, ...whole, reason });
  }
  // What a person went back to may be of another version; that nobody knows which is a loss all the same.
  if (record === undefined || (!isHeld && !isSameFingerprint(record, fingerprint))) {
    const priority = priorityOf("stale", unit.lastDay, nowMs);
    gaps.push({
      kind: "stale",
      cause: "other-version",
      priority,
      ...whole,
      reason:
        record === undefined ? `what made build ${unit.build} is not on record` : differenceText(record, fingerprint),
    });
  }
  return gaps;
}

function differenceText(record: BuildRecord, fingerprint: BuildFingerprint): string {
  if (record.barVersion !== fingerprint.barVersion) {
    return `made by bar version ${record.barVersion}, this program makes ${fingerprint.barVersion}`;
  }
  return record.featureProfile === fingerprint.featureProfile
    ? `made with a gate of ${record.gateUnitUs} µs, this program's is ${fingerprint.gateUnitUs} µs`
    : `made with feature profile ${record.featureProfile}, this program makes ${fingerprint.featureProfile}`;
}
