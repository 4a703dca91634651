import {
  buildName,
  endOfDivergence,
  standingDivergences,
  type DifferingUnit,
  type Divergence,
  type JournalEvent,
  type KeptTable,
  type LedgerStatus,
  type RebuildResult,
  type SyncResult,
} from "../ledger/index.ts";
import { formatBytes, formatCount, textTable } from "./text-table.ts";

const right = { align: "right" } as const;

/** The answer of `ledger sync`. */
export function syncLines({ units, rows, mirrored, divergences }: SyncResult): string[] {
  const ahead =
    mirrored.rows === 0
      ? "nothing is new in the store"
      : `the store was ahead by ${formatCount(mirrored.rows)} rows of ${formatCount(mirrored.units)} units; the ledger has them now`;
  return [
    `${formatCount(rows)} rows of ${formatCount(units)} units in the store; ${ahead}`,
    ...divergenceLines(divergences),
  ];
}

/** What the store no longer says as the ledger has seen it. */
export function divergenceLines(divergences: readonly Divergence[]): string[] {
  if (divergences.length === 0) return [];
  const table = textTable(
    [
      { title: "unit" },
      { title: "missing", ...right },
      { title: "changed", ...right },
      { title: "doubled", ...right },
      { title: "" },
    ],
    divergences.map((one) => [
      buildName(one.unit),
      formatCount(one.missing),
      formatCount(one.changed),
      formatCount(one.doubled),
      endOfDivergence(one) ?? "",
    ]),
  );
  const sum = (of: (one: Divergence) => number): string =>
    formatCount(divergences.reduce((total, one) => total + of(one), 0));
  const over = divergences.length - standingDivergences(divergences).length;
  return [
    ...table,
    `the ledger is ahead by ${sum((one) => one.missing)} rows that the store had once; ${sum((one) => one.changed)} rows are there with other contents, ${sum((one) => one.doubled)} more than once`,
    ...(over === 0 ? [] : [`of ${formatCount(over)} of these builds nothing is missed any more`]),
  ];
}

/** The same as one document. */
export function syncDocument(result: SyncResult): Record<string, unknown> {
  return {
    store: result.storeId,
    units: result.units,
    rows: result.rows,
    store_ahead: result.mirrored,
    divergences: divergenceRecords(result.divergences),
  };
}

function divergenceRecords(divergences: readonly Divergence[]): Record<string, unknown>[] {
  return divergences.map(({ unit, missing, changed, doubled, isMadeGood, replacedBy }) => ({
    unit: buildName(unit),
    series: unit.series,
    segment: unit.segment,
    build: unit.build,
    ahead: missing > 0 ? "ledger" : "neither",
    missing,
    changed,
    doubled,
    made_good: isMadeGood,
    replaced_by: replacedBy ?? null,
  }));
}

/** The answer of `ledger sync --plan`. */
export function differingLines(differing: readonly DifferingUnit[]): string[] {
  if (differing.length === 0) return ["nothing to do: the store is as the ledger has it"];
  return textTable(
    [{ title: "unit" }, { title: "rows more in the store", ...right }],
    differing.map(({ unit, more }) => [buildName(unit), formatCount(more)]),
  );
}

/** The same as one document. */
export function differingDocument(differing: readonly DifferingUnit[]): Record<string, unknown> {
  return { units: differing.map(({ unit, more }) => ({ unit: buildName(unit), rows_more: more })) };
}

/** The answer of `ledger rebuild`. */
export function rebuildLines({ kept, aside, sync }: RebuildResult): string[] {
  return [
    ...keptLines(kept),
    ...(sync === undefined ? ["there is no store: the mirror is empty"] : syncLines(sync)),
    ...(aside === undefined ? [] : [`the file that was there is now ${aside}`]),
  ];
}

/** What is kept of a ledger that is made anew. */
export function keptLines(kept: readonly KeptTable[]): string[] {
  if (kept.length === 0) return ["there was no ledger: nothing to keep"];
  return kept.map(({ name, rows, isWhole }) => {
    const state = isWhole ? "all there was" : "what could be read";
    return `${name}: ${formatCount(rows)} rows kept, ${state}`;
  });
}

/** The same as one document. */
export function rebuildDocument({ kept, aside, sync }: RebuildResult): Record<string, unknown> {
  return { ...keptDocument(kept), aside: aside ?? null, sync: sync === undefined ? null : syncDocument(sync) };
}

export function keptDocument(kept: readonly KeptTable[]): Record<string, unknown> {
  return { kept: kept.map(({ name, rows, isWhole }) => ({ table: name, rows, whole: isWhole })) };
}

/** The answer of `ledger status`. */
export function ledgerLines(status: LedgerStatus): string[] {
  const { mirror, attempts } = status;
  const results = [...attempts].map(([result, count]) => `${formatCount(count)} ${result ?? "without an end"}`);
  const back = status.clockBack === 0n ? "" : `; the clock went back ${formatCount(status.clockBack)} times`;
  return [
    `${status.path}, ${formatBytes(status.bytes)}`,
    `store     ${status.storeId ?? "none met yet"}`,
    `plans     ${formatCount(status.plans)}`,
    `attempts  ${results.length === 0 ? "none" : results.join(", ")}`,
    `journal   ${formatCount(status.events)} events${back}`,
    `mirror    ${formatCount(mirror.rows)} coverage rows of ${formatCount(mirror.units)} units, ${formatCount(mirror.checkpoints)} checkpoints, ${formatCount(mirror.gone)} flagged rows`,
    `sync      ${status.lastSyncMs === undefined ? "never" : `last ended ${timeText(status.lastSyncMs)}`}`,
    `outbox    ${formatCount(status.pendingAlerts)} waiting`,
    ...divergenceLines(status.divergences),
  ];
}

/** The same as one document. */
export function ledgerDocument(status: LedgerStatus): Record<string, unknown> {
  return {
    path: status.path,
    bytes: status.bytes,
    store: status.storeId ?? null,
    plans: status.plans,
    attempts: Object.fromEntries([...status.attempts].map(([result, count]) => [result ?? "open", count])),
    events: status.events,
    clock_back: status.clockBack,
    mirror: status.mirror,
    last_sync: status.lastSyncMs === undefined ? null : timeText(status.lastSyncMs),
    alerts_waiting: status.pendingAlerts,
    divergences: divergenceRecords(status.divergences),
  };
}

/** The answer of `ledger journal`, oldest first. */
export function journalLines(events: readonly JournalEvent[]): string[] {
  return events.map(({ seq, atMs, backMs, kind, subject, details }) => {
    const back = backMs === 0 ? "" : ` (the clock went back ${(backMs / 1000).toFixed(1)} s)`;
    return `${seq}  ${timeText(atMs)}${back}  ${kind}  ${subject}  ${JSON.stringify(details)}`;
  });
}

/** The same as one document. */
export function journalDocument(events: readonly JournalEvent[]): Record<string, unknown> {
  return {
    events: events.map((event) => ({
      seq: event.seq,
      at: timeText(event.atMs),
      clock_back_ms: event.backMs,
      boot: event.boot,
      monotonic_ns: event.monotonicNs,
      host: event.host,
      pid: event.pid,
      kind: event.kind,
      subject: event.subject,
      details: event.details,
    })),
  };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
