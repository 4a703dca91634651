import { exitCodes, type ExitCode } from "../model/exit-codes.ts";
import { fingerprintOf, type Finding } from "../watch/finding.ts";

/** Findings come first: where there are some, what could not be looked at changes nothing. */
export function findingsExitCode(findings: readonly Finding[]): ExitCode {
  if (findings.some(({ verdict }) => verdict === "wrong")) return exitCodes.findings;
  return findings.length === 0 ? exitCodes.ok : exitCodes.unavailable;
}

/** A finding for a person. */
export function findingLine({ kind, subject, summary, verdict }: Finding): string {
  return `${verdict === "unknown" ? "not known: " : ""}${kind} ${subject}: ${summary}`;
}

/** The same in a document. */
export function findingEntry(finding: Finding): {
  kind: string;
  subject: string;
  place: string | null;
  summary: string;
  evidence: Record<string, string>;
  fingerprint: string;
} {
  const { kind, subject, place, summary, evidence } = finding;
  return {
    kind,
    subject,
    place: place ?? null,
    summary,
    evidence: { ...evidence },
    fingerprint: fingerprintOf(finding),
  };
}
