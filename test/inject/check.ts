import assert from "node:assert/strict";
import { gapFindings } from "../../lib/watch/findings.ts";
import type { WatchReport } from "../../lib/watch/find-gaps.ts";
import type { Injected, InjectedGap } from "./injections.ts";

/** A report says exactly what was injected: kind, cause, range, ids and number of gaps, and kinds of findings; nothing else. */
export function checkReport(report: WatchReport, { gaps, findings = [] }: Injected, name: string): void {
  assert.deepEqual(
    report.gaps.map(({ kind, cause, fromDay, throughDay, unit, fromId, throughId }) =>
      plain({ kind, cause, fromDay, throughDay, unit, ...(fromId === undefined ? {} : { fromId, throughId }) }),
    ),
    gaps.map(plain),
    name,
  );
  const kinds = [...gapFindings(report.gaps).map(({ kind }) => kind), ...findings];
  assert.deepEqual(report.findings.map(({ kind }) => kind).toSorted(), kinds.toSorted(), name);
}

function plain(gap: InjectedGap | Partial<InjectedGap>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(gap)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, String(value)])
      .toSorted(),
  );
}
