import type { VerifyResult } from "../datasets/range/verify.ts";
import type { Failure } from "../model/errors.ts";
import { exitCodeOf, exitCodes, type ExitCode } from "../model/exit-codes.ts";
import type { SeriesId } from "../model/series.ts";
import { formatCount } from "./text-table.ts";

/** What became of one series: proven or not, or why it could not be looked at. */
export type SeriesOutcome = VerifyResult | { readonly series: SeriesId; readonly failure: Failure };

/** The answer for one series. */
export function verifyLines(outcome: SeriesOutcome, deep: boolean): string[] {
  if ("failure" in outcome) {
    const { code, message } = outcome.failure;
    return [`${outcome.series}: not determined: ${message} (${code})`];
  }
  const { series, bars, cells, findings } = outcome;
  const compared = deep ? `, ${formatCount(cells)} cells compared with the archive` : "";
  return [
    ...findings.map((finding) => `${finding.code}: ${finding.text}`),
    `${series}: ${formatCount(bars)} bars${compared}, ${findings.length} findings`,
  ];
}

/** The same as an entry of a document. */
export function verifyEntry(outcome: SeriesOutcome): Record<string, unknown> {
  if ("failure" in outcome) {
    const { code, message, subject, hint } = outcome.failure;
    return { series: outcome.series, error: { code, message, subject, hint } };
  }
  const { series, bars, cells, findings } = outcome;
  return { series, bars, cells, findings };
}

/** Findings come first: where there are some, what could not be looked at changes nothing. */
export function verifyExitCode(outcomes: readonly SeriesOutcome[]): ExitCode {
  const codes = outcomes.map((outcome) => {
    if ("failure" in outcome) return exitCodeOf(outcome.failure);
    return outcome.findings.length === 0 ? exitCodes.ok : exitCodes.findings;
  });
  if (codes.includes(exitCodes.findings)) return exitCodes.findings;
  return codes.find((code) => code !== exitCodes.ok) ?? exitCodes.ok;
}
