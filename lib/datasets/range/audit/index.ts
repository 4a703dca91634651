import type { PinnedSegment, Store } from "../../../store/index.ts";
import { readDigest } from "../digests.ts";
import { auditBars, auditForming } from "./bars.ts";
import { auditCoverage, digestFinding } from "./coverage.ts";
import { Findings, type VerifyFinding } from "./finding.ts";
import { auditOrder } from "./order.ts";
import { subjectOf } from "./subject.ts";
import { auditSums } from "./sums.ts";

export type { VerifyFinding } from "./finding.ts";

/** What an audit is given besides its subject. */
export interface AuditContext {
  readonly signal: AbortSignal;
}

/**
 * Proves one build of a segment, published or not, by itself: its coverage, its checkpoints, each bar, their order, their
 * sums and digest. Changes nothing. Holes of ids are not findings here: which are declared is the registry's to say.
 * @returns none where all is as it must be; at most a few per code, the rest counted
 * @throws UnavailableError OTHER_BAR_VERSION where the build follows rules that this program does not know
 */
export async function auditSegment(
  store: Store,
  pinned: PinnedSegment,
  { signal }: AuditContext,
): Promise<VerifyFinding[]> {
  const subject = await subjectOf(store, pinned);
  const findings = new Findings(pinned.segment);
  auditCoverage(subject, findings);
  const forming = await auditForming(store, subject, findings);
  const sums = await auditBars(store, subject, findings);
  signal.throwIfAborted();
  const lastIds = [...sums.values()].map(({ lastId }) => lastId);
  const lastId = lastIds.length === 0 ? undefined : lastIds.reduce((a, b) => (a > b ? a : b));
  await auditOrder(store, subject, lastId, forming, findings);
  auditSums(subject, sums, forming, findings);
  signal.throwIfAborted();
  digestFinding(findings, await readDigest(store, pinned));
  return findings.list();
}
