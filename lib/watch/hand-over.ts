import { existsSync } from "node:fs";
import { ledgerPath, openLedger } from "../ledger/index.ts";
import { Failure } from "../model/errors.ts";
import { examinedBy } from "./examined.ts";
import type { WatchReport } from "./find-gaps.ts";
import { ledgerFinding } from "./findings.ts";
import type { LookStart } from "./look.ts";
import { recordLook, startLook } from "./record-look.ts";
import type { GapQuestion } from "./watch-gaps.ts";

/** How incidents stand as a look at gaps begins; undefined where there is no ledger, or it cannot be read, which the look itself says. */
export function startHandOver(stateDirectory: string): LookStart | undefined {
  if (!existsSync(ledgerPath(stateDirectory))) return undefined;
  try {
    using ledger = openLedger(stateDirectory);
    return startLook(ledger);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return undefined;
  }
}

/**
 * Makes incidents of what a look at gaps found, in a state directory's ledger, and ends those that are over. A ledger that is not there is
 * not made, and one that could not be read a moment ago is not tried again.
 * @param start as {@link startHandOver} gave it before the look
 * @returns the report; with one finding more where the ledger does not take it, so that what was found is told all the same
 */
export function handOver(
  stateDirectory: string,
  report: WatchReport,
  question: GapQuestion,
  start: LookStart | undefined,
): WatchReport {
  const isReadable = report.findings.every(({ kind }) => kind !== "ledger-unreadable");
  if (!isReadable || !existsSync(ledgerPath(stateDirectory))) return report;
  try {
    using ledger = openLedger(stateDirectory);
    const { findings } = report;
    const examined = examinedBy(report, question);
    recordLook(ledger, { source: "detect-gaps", ...(start === undefined ? {} : { start }), findings, examined });
    return report;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { ...report, findings: [...report.findings, ledgerFinding(error)] };
  }
}
