import assert from "node:assert/strict";
import type { Finding } from "../../lib/watch/finding.ts";
import { gapFindings } from "../../lib/watch/findings.ts";
import type { WatchReport } from "../../lib/watch/find-gaps.ts";
import type { Injected, InjectedFinding, InjectedGap } from "./injections.ts";

/**
 * A report says exactly what was injected, and nothing else: of a gap its kind, cause, range, ids and number, of any other finding its
 * kind, what and where it is about, and every figure of its evidence.
 */
export function checkReport(report: WatchReport, { gaps, findings = [] }: Injected, name: string): void {
  assert.deepEqual(report.gaps.map(textOf).toSorted(), gaps.map(textOf).toSorted(), name);
  const expected = [...gapFindings(report.gaps).map(withoutSummary), ...findings];
  assert.deepEqual(inOrder(report.findings.map(withoutSummary)), inOrder(expected), name);
}

/** A gap as text, so that order and absent ids do not matter. */
function textOf({ kind, cause, fromDay, throughDay, unit, fromId, throughId, absence }: InjectedGap): string {
  const ids = fromId === undefined ? "" : ` ids ${fromId}..${throughId}`;
  const evidence = absence === undefined ? "" : ` ${JSON.stringify(absence)}`;
  return `${kind} (${cause}) ${unit} ${fromDay}..${throughDay}${ids}${evidence}`;
}

/** Its wording is for other tests. */
function withoutSummary({ kind, subject, place, verdict, evidence }: Finding): InjectedFinding {
  return { kind, subject, ...(place === undefined ? {} : { place }), verdict, evidence };
}

function inOrder(findings: readonly InjectedFinding[]): InjectedFinding[] {
  return findings.toSorted((a, b) => orderKey(a).localeCompare(orderKey(b)));
}

function orderKey({ kind, subject, place = "" }: InjectedFinding): string {
  return `${kind} ${subject} ${place}`;
}
