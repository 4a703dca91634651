import { parseSeriesId, unitId } from "../model/series.ts";
import { readCheckpoint, type CheckpointFault, type LastCommit } from "../store/index.ts";
import type { Finding } from "./finding.ts";

export interface CommitFault {
  readonly code: CheckpointFault["code"] | "CHECKPOINT_MISSING";
  readonly text: string;
}

/** Why a unit cannot be gone on from: its last commit's checkpoint is missing, damaged, or of another place than its coverage. */
export function commitFault(commit: LastCommit): CommitFault | undefined {
  const { series, checkpoint } = commit;
  if (checkpoint.length === 0) return { code: "CHECKPOINT_MISSING", text: "its last commit carries no checkpoint" };
  return readCheckpoint({ ...commit, thresholdDbps: parseSeriesId(series).threshold }, checkpoint).fault;
}

/** The same as a finding. */
export function commitFindings(commit: LastCommit): Finding[] {
  const fault = commitFault(commit);
  if (fault === undefined) return [];
  const { series, segment, throughId } = commit;
  const evidence = { code: fault.code, through_id: throughId.toString() };
  const place = unitId(series, segment);
  const summary = `${fault.text} (${fault.code})`;
  return [{ kind: "checkpoint-differs", subject: series, place, verdict: "wrong", summary, evidence }];
}
