import { unitId, seriesId } from "../model/series.ts";
import { readCheckpoint, type LastRow } from "../store/index.ts";
import type { Finding } from "./finding.ts";

/** Units whose last commit's checkpoint is not one to go on from: missing, damaged, or of another place than its coverage. */
export function checkpointFindings(rows: readonly LastRow[]): Finding[] {
  return rows.flatMap((row): Finding[] => {
    const { series, segment, checkpoint } = row;
    const fault =
      checkpoint.length === 0
        ? { code: "CHECKPOINT_MISSING", text: "its last commit carries no checkpoint" }
        : readCheckpoint({ ...row, thresholdDbps: series.threshold }, checkpoint).fault;
    if (fault === undefined) return [];
    const place = unitId(seriesId(series), segment);
    const evidence = { code: fault.code, through_id: row.throughId.toString() };
    return [
      { kind: "checkpoint-differs", subject: seriesId(series), place, verdict: "wrong", summary: fault.text, evidence },
    ];
  });
}
