import { hostname } from "node:os";
import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";

/** What happened: the thing and the event, such as `attempt.started`. */
export type EventKind = `${string}.${string}`;

const eventRow = z
  .object({
    seq: z.bigint(),
    at_ms: z.coerce.number(),
    back_ms: z.coerce.number(),
    boot: z.string(),
    monotonic_ns: z.bigint(),
    host: z.string(),
    pid: z.coerce.number(),
    kind: z.string(),
    subject: z.string(),
    details: z.string().transform((text): unknown => JSON.parse(text)),
  })
  .transform((row) => ({
    seq: row.seq,
    atMs: row.at_ms,
    /** How far the wall clock went back since the row before; 0 where it went on. */
    backMs: row.back_ms,
    boot: row.boot,
    monotonicNs: row.monotonic_ns,
    host: row.host,
    pid: row.pid,
    kind: row.kind,
    subject: row.subject,
    details: row.details,
  }));

/** A row of the journal. `seq` is the order of events; times are for people. */
export type JournalEvent = Readonly<z.output<typeof eventRow>>;

/**
 * The append-only record of what was decided. A row is on disk when `record` returns, so it is written before what it says is
 * done. The file itself refuses to change or delete one.
 */
export class Journal {
  readonly #file: LedgerFile;
  readonly #clock: Clock;

  constructor(file: LedgerFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /**
   * Writes one row.
   * @param subject the unit, series, symbol, plan or file it is about
   * @param details JSON; bigint becomes decimal text
   * @returns its number
   */
  record(kind: EventKind, subject: string, details: Readonly<Record<string, unknown>> = {}): bigint {
    const text = JSON.stringify(details, (_key, value: unknown) =>
      typeof value === "bigint" ? value.toString() : value,
    );
    return this.#file.run(
      "INSERT INTO journal (at_ms, boot, monotonic_ns, host, pid, kind, subject, details) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      this.#clock.wallMs(),
      this.#clock.boot,
      this.#clock.monotonicNs(),
      hostname(),
      process.pid,
      kind,
      subject,
      text,
    ).id;
  }

  /**
   * The last events, oldest first.
   * @param filter only events about this subject; only of this kind, or of all kinds that begin so (`attempt.`)
   */
  last(
    limit: number,
    filter: { readonly subject?: string | undefined; readonly kind?: string | undefined } = {},
  ): JournalEvent[] {
    const { subject, kind } = filter;
    const conditions = [
      ...(subject === undefined ? [] : [{ sql: "subject = ?", values: [subject] }]),
      ...(kind === undefined ? [] : [{ sql: "substr(kind, 1, ?) = ?", values: [kind.length, kind] }]),
    ];
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.map(({ sql }) => sql).join(" AND ")}`;
    const before = "(SELECT b.at_ms FROM journal AS b WHERE b.seq < j.seq ORDER BY b.seq DESC LIMIT 1)";
    return this.#file
      .rows(
        `SELECT seq, at_ms, max(0, ifnull(${before} - at_ms, 0)) AS back_ms, boot, monotonic_ns, host, pid, kind, subject, details
FROM journal AS j ${where} ORDER BY seq DESC LIMIT ?`,
        eventRow,
        ...conditions.flatMap(({ values }) => values),
        limit,
      )
      .toReversed();
  }

  /** How many rows there are, and how many of them say an earlier time than the row before. */
  summary(): { readonly rows: bigint; readonly clockBack: bigint } {
    const [found] = this.#file.rows(
      `SELECT count(*) AS row_count, ifnull(sum(at_ms < before), 0) AS clock_back
FROM (SELECT at_ms, lag(at_ms, 1, at_ms) OVER (ORDER BY seq) AS before FROM journal)`,
      z.object({ row_count: z.bigint(), clock_back: z.bigint() }),
    );
    return { rows: found?.row_count ?? 0n, clockBack: found?.clock_back ?? 0n };
  }
}
