import type { Incident } from "../ledger/index.ts";

/** An incident for a program, as it is posted and as it is listed. */
export function incidentRecord(one: Incident): Record<string, unknown> {
  return {
    id: one.id,
    fingerprint: one.fingerprint,
    kind: one.kind,
    subject: one.subject,
    place: one.place ?? null,
    severity: one.severity,
    verdict: one.verdict,
    state: one.state,
    summary: one.summary,
    evidence: one.evidence,
    first_seen_at: new Date(one.firstSeenMs).toISOString(),
    last_seen_at: new Date(one.lastSeenMs).toISOString(),
    resolved_at: one.resolvedMs === undefined ? null : new Date(one.resolvedMs).toISOString(),
  };
}
