import { hostname } from "node:os";
import { z } from "zod";
import { processStart } from "../store/embedded/process-identity.ts";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";
import type { Journal } from "./journal.ts";

/** What became of an attempt. */
export const resultKinds = ["done", "partial", "interrupted", "superseded", "refused", "failed"] as const;
export type ResultKind = (typeof resultKinds)[number];

/** One execution of one unit, as the store numbers it. */
export interface StartedUnit {
  readonly unit: string;
  readonly build: number;
  readonly attempt: bigint;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly kind: ResultKind;
  /** The error's code, where one ended it. */
  readonly code?: string | undefined;
  /** Trades read in the pass that the unit was a part of. */
  readonly trades: bigint;
  /** Bars of the unit that were committed, orphans too. */
  readonly bars: number;
}

const openRow = z.object({
  id: z.bigint(),
  unit: z.string(),
  build: z.coerce.number(),
  attempt: z.bigint(),
  host: z.string(),
  pid: z.coerce.number(),
  process_start: z.string(),
  boot: z.string(),
  started_ms: z.coerce.number(),
  started_monotonic_ns: z.bigint(),
});
const openColumns = Object.keys(openRow.shape).join(", ");

const countRow = z.object({ result: z.enum(resultKinds).nullable(), row_count: z.coerce.number() });

const failedRow = z
  .object({ unit: z.string(), code: z.string().nullable(), ended_ms: z.coerce.number() })
  .transform(({ unit, code, ended_ms: endedMs }) => ({ unit, code: code ?? "", endedMs }));

/** A unit whose last attempt failed. */
export type FailedUnit = Readonly<z.output<typeof failedRow>>;

/** The attempts made from this state directory, each with its typed result. */
export class Attempts {
  readonly #file: LedgerFile;
  readonly #clock: Clock;
  readonly #journal: Journal;

  constructor(file: LedgerFile, clock: Clock, journal: Journal) {
    this.#file = file;
    this.#clock = clock;
    this.#journal = journal;
  }

  /**
   * Puts the begin of one job's attempts on record, in the journal too. Attempts that were
   * abandoned end before.
   * @param plan the plan they carry out
   * @returns their numbers in the ledger, for {@link end}
   */
  start(units: readonly StartedUnit[], plan?: string): bigint[] {
    return this.#file.transaction(() => {
      this.endAbandoned();
      return units.map((one) => this.#start(one, plan));
    });
  }

  /** Puts an attempt's end on record, in the journal too. An attempt that has ended keeps its first result. */
  end(id: bigint, end: AttemptEnd): void {
    this.#file.transaction(() => {
      const begun = this.#file.row(`SELECT ${openColumns} FROM attempts WHERE id = ? AND result IS NULL`, openRow, id);
      if (begun !== undefined) this.#end(begun, end);
    });
  }

  /** Ends attempts as failed that never said their end, and whose process is gone: this machine may have had another name then. */
  endAbandoned(): void {
    this.#file.transaction(() => {
      const open = this.#file.rows(`SELECT ${openColumns} FROM attempts WHERE result IS NULL`, openRow);
      for (const one of open.filter((begun) => processStart(begun.pid) !== begun.process_start)) {
        this.#end(one, { kind: "failed", code: "PROCESS_GONE", trades: 0n, bars: 0 });
      }
    });
  }

  /** How many attempts have each result; `undefined` stands for those without an end. */
  counts(): ReadonlyMap<ResultKind | undefined, number> {
    const rows = this.#file.rows("SELECT result, count(*) AS row_count FROM attempts GROUP BY result", countRow);
    return new Map(rows.map((row) => [row.result ?? undefined, row.row_count]));
  }

  /** Units whose last attempt from here failed, with its code. */
  lastFailed(): FailedUnit[] {
    return this.#file.rows(
      `SELECT unit, code, ended_ms FROM attempts
WHERE id IN (SELECT max(id) FROM attempts GROUP BY unit) AND result = 'failed' ORDER BY unit`,
      failedRow,
    );
  }

  #start({ unit, build, attempt }: StartedUnit, plan: string | undefined): bigint {
    this.#journal.record("attempt.started", unit, { build, attempt, plan });
    return this.#file.run(
      `INSERT INTO attempts (unit, build, attempt, plan, host, pid, process_start, boot, started_ms, started_monotonic_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      unit,
      build,
      attempt,
      plan ?? null,
      hostname(),
      process.pid,
      processStart(process.pid) ?? "",
      this.#clock.boot,
      this.#clock.wallMs(),
      this.#clock.monotonicNs(),
    ).id;
  }

  #end(begun: z.output<typeof openRow>, { kind, code, trades, bars }: AttemptEnd): void {
    const { id, unit, build, attempt } = begun;
    const endedMs = this.#clock.wallMs();
    // By the clock that only goes forward, where the machine has not been started anew meanwhile.
    const elapsedMs =
      begun.boot === this.#clock.boot
        ? Number((this.#clock.monotonicNs() - begun.started_monotonic_ns) / 1_000_000n)
        : Math.max(0, endedMs - begun.started_ms);
    this.#journal.record("attempt.ended", unit, { build, attempt, result: kind, code, trades, bars, elapsedMs });
    this.#file.run(
      "UPDATE attempts SET ended_ms = ?, elapsed_ms = ?, result = ?, code = ?, trades = ?, bars = ? WHERE id = ?",
      endedMs,
      elapsedMs,
      kind,
      code ?? null,
      trades,
      bars,
      id,
    );
  }
}
