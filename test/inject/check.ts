import assert from "node:assert/strict";
import { gapFindings } from "../../lib/watch/findings.ts";
import type { WatchReport } from "../../lib/watch/find-gaps.ts";
import type { Injected, InjectedGap } from "./injections.ts";

/** A report says exactly what was injected: kind, cause, range, ids and number of gaps, and kinds of findings; nothing else. */
export function checkReport(report: WatchReport, { gaps, findings = [] }: Injected, name: string): void {
  assert.deepEqual(report.gaps.map(textOf).toSorted(), gaps.map(textOf).toSorted(), name);
  const kinds = [...gapFindings(report.gaps).map(({ kind }) => kind), ...findings];
  assert.deepEqual(report.findings.map(({ kind }) => kind).toSorted(), kinds.toSorted(), name);
}

/** A gap as text, so that order and absent ids do not matter. */
function textOf({ kind, cause, fromDay, throughDay, unit, fromId, throughId }: InjectedGap): string {
  const ids = fromId === undefined ? "" : ` ids ${fromId}..${throughId}`;
  return `${kind} (${cause}) ${unit} ${fromDay}..${throughDay}${ids}`;
}
