import { existsSync } from "node:fs";
import { ledgerPath, openLedger } from "../ledger/index.ts";
import { Failure } from "../model/errors.ts";
import { examinedBy } from "./examined.ts";
import type { WatchReport } from "./find-gaps.ts";
import { ledgerFinding } from "./findings.ts";
import { recordLook } from "./record-look.ts";
import type { GapQuestion } from "./watch-gaps.ts";

/**
 * Makes incidents of what a look at gaps found, in a state directory's ledger, and ends those that are over. A ledger that is not there is
 * not made, and one that could not be read a moment ago is not tried again.
 * @returns the report; with one finding more where the ledger does not take it, so that what was found is told all the same
 */
export function handOver(stateDirectory: string, report: WatchReport, question: GapQuestion): WatchReport {
  const isReadable = report.findings.every(({ kind }) => kind !== "ledger-unreadable");
  if (!isReadable || !existsSync(ledgerPath(stateDirectory))) return report;
  try {
    using ledger = openLedger(stateDirectory);
    const { findings, nowMs: lookedMs } = report;
    recordLook(ledger, { source: "detect-gaps", lookedMs, findings, examined: examinedBy(report, question) });
    return report;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { ...report, findings: [...report.findings, ledgerFinding(error)] };
  }
}
