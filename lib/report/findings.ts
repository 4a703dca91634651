import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import { fingerprintOf, type Finding } from "../watch/finding.ts";
import type { Unmatched } from "../watch/unmatched.ts";

/** What a look tells of. */
export type Told = Finding | Unmatched;

/** Findings come first: where there are some, what could not be looked at changes nothing. */
export function findingsExitCode(findings: readonly Pick<Told, "verdict">[]): ExitCode {
  if (findings.some(({ verdict }) => verdict === "wrong")) return exitCodes.findings;
  return findings.length === 0 ? exitCodes.ok : exitCodes.unavailable;
}

/** A finding for a person. */
export function findingLine(finding: Told): string {
  const { summary, verdict } = finding;
  return `${verdict === "unknown" ? "not known: " : ""}${fingerprintOf(finding)}: ${summary}`;
}

/** The same in a document. */
export function findingEntry(finding: Told): {
  kind: string;
  subject: string;
  place: string | null;
  verdict: Finding["verdict"];
  summary: string;
  evidence: Record<string, string>;
  fingerprint: string;
} {
  const { kind, subject, place, verdict, summary, evidence } = finding;
  return {
    kind,
    subject,
    place: place ?? null,
    verdict,
    summary,
    evidence: { ...evidence },
    fingerprint: fingerprintOf(finding),
  };
}
