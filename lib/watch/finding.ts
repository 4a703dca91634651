/** What a finding, and the incident that it becomes, can be of. `kinds.ts` says of each how bad it is and what to do. */
export type FindingKind =
  // Gaps of a series: expected − coverage − declared holes.
  | "gap-leading"
  | "gap-interior"
  | "gap-trailing"
  | "gap-overlap"
  | "gap-stale"
  | "gap-revised"
  | "gap-unknown"
  // A series' own bars.
  | "series-not-fresh"
  | "series-dead"
  | "duration-anomaly"
  | "price-jump"
  | "sum-overflow"
  // What was committed against what is stored.
  | "checkpoint-differs"
  | "store-differs"
  // Machines and their work.
  | "store-unreachable"
  | "store-write-failed"
  | "host-unreachable"
  | "host-unsound"
  | "service-failed"
  | "group-paused"
  | "job-failed"
  | "job-quarantined"
  | "ledger-unreadable"
  | "archive-unreachable"
  // The watch over itself.
  | "heal-exhausted"
  | "notify-failing"
  | "heartbeat-missed"
  | "heartbeat-partial";

/** One thing that is not as it must be, or that could not be looked at. Plain data: rules make it, incidents and reports read it. */
export interface Finding {
  readonly kind: FindingKind;
  /** A series (`range:binance/spot/BTCUSDT@250`), a unit, a job, `host:NAME`, `store`, `ledger`, `archive:MARKET` or `watch`. */
  readonly subject: string;
  /** Tells findings of one kind and subject apart: a day or `2024-03-01..2024-03-04`, a group's name; absent where one is all. */
  readonly place?: string;
  /** `unknown`: nobody could look, or prove it either way. Never counted as clean. */
  readonly verdict: "wrong" | "unknown";
  /** One sentence for a person, without the subject. */
  readonly summary: string;
  /** Figures and facts behind it, for the report and the incident. */
  readonly evidence: Readonly<Record<string, string>>;
}

/** The same for the same trouble, whenever it is found: what an incident is known by. */
export function fingerprintOf({
  kind,
  subject,
  place,
}: Pick<Finding, "subject" | "place"> & { readonly kind: string }): string {
  return place === undefined ? `${kind} ${subject}` : `${kind} ${subject} ${place}`;
}
