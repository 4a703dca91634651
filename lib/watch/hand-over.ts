import { existsSync } from "node:fs";
import { ledgerPath, openLedger } from "../ledger/index.ts";
import { examinedBy } from "./examined.ts";
import type { WatchReport } from "./find-gaps.ts";
import type { Finding } from "./finding.ts";
import { needsBars } from "./limits.ts";
import { recordLook } from "./record-look.ts";
import type { GapQuestion } from "./watch-gaps.ts";

/**
 * Makes incidents of what a look at gaps found, in a state directory's ledger, and ends those that are over. A ledger that is not there is
 * not made, and one that could not be read a moment ago is not tried again.
 */
export function handOver(stateDirectory: string, report: WatchReport, question: GapQuestion): void {
  const isReadable = report.findings.every(({ kind }) => kind !== "ledger-unreadable");
  if (!isReadable || !existsSync(ledgerPath(stateDirectory))) return;
  using ledger = openLedger(stateDirectory);
  const findings = needsBars(question.limits) ? report.findings.map(seenInBars) : report.findings;
  recordLook(ledger, { source: "detect-gaps", findings, examined: examinedBy(report, question) });
}

/** What the bars have shown, coverage alone cannot see the end of. */
function seenInBars(finding: Finding): Finding {
  return { ...finding, evidence: { ...finding.evidence, seen_in: "bars" } };
}
