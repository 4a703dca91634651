import { hostname } from "node:os";
import { z } from "zod";
import { processStart } from "../store/embedded/process-identity.ts";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";
import type { Journal } from "./journal.ts";

/**
 * What became of a try to close a gap. `healed`: it was looked for again and not found. `elsewhere`: the store, the archive or
 * another writer was in the way. `queued`: handed to a host's queue; what that came to is put down when the job has ended.
 */
export const healResults = ["healed", "failed", "elsewhere", "interrupted", "queued"] as const;
export type HealResult = (typeof healResults)[number];

/** What is known of a gap before it is tried. */
export interface NewTry {
  /** The same for the same gap in every look: `gapKey` of lib/heal. */
  readonly gap: string;
  readonly unit: string;
}

const tryRow = z
  .object({
    id: z.bigint(),
    gap: z.string(),
    unit: z.string(),
    host: z.string(),
    pid: z.coerce.number(),
    started_ms: z.coerce.number(),
    ended_ms: z.coerce.number().nullable(),
    result: z.enum(healResults).nullable(),
    code: z.string().nullable(),
  })
  .transform((row) => ({
    id: row.id,
    gap: row.gap,
    unit: row.unit,
    host: row.host,
    pid: row.pid,
    startedMs: row.started_ms,
    endedMs: row.ended_ms ?? undefined,
    /** Undefined while it is at work. */
    result: row.result ?? undefined,
    code: row.code ?? undefined,
  }));

const tryColumns = "id, gap, unit, host, pid, started_ms, ended_ms, result, code";

/** One try to close one gap. */
export type HealTry = Readonly<z.output<typeof tryRow>>;

const openRow = z.object({ id: z.bigint(), pid: z.coerce.number(), process_start: z.string() });

/** How often the closing of each gap was tried, so that a limit holds across processes and restarts. */
export class HealTries {
  readonly #file: LedgerFile;
  readonly #clock: Clock;
  readonly #journal: Journal;

  constructor(file: LedgerFile, clock: Clock, journal: Journal) {
    this.#file = file;
    this.#clock = clock;
    this.#journal = journal;
  }

  /** Puts the begin of tries on record, in the journal too. @returns their numbers, for {@link end} */
  start(tries: readonly NewTry[]): bigint[] {
    return this.#file.transaction(() =>
      tries.map(({ gap, unit }) => {
        this.#journal.record("heal.started", unit, { gap });
        return this.#file.run(
          "INSERT INTO heal_tries (gap, unit, host, pid, process_start, started_ms) VALUES (?, ?, ?, ?, ?, ?)",
          gap,
          unit,
          hostname(),
          process.pid,
          processStart(process.pid) ?? "",
          this.#clock.wallMs(),
        ).id;
      }),
    );
  }

  /** Puts a try's end on record, in the journal too; one that has ended keeps its first result. */
  end(id: bigint, result: HealResult, code?: string): void {
    this.#end(id, "result IS NULL", result, code);
  }

  /** Puts on record what became of a try that was handed to a queue, in the journal too. */
  settle(id: bigint, result: HealResult, code?: string): void {
    this.#end(id, "result = 'queued'", result, code);
  }

  #end(id: bigint, state: string, result: HealResult, code: string | undefined): void {
    this.#file.transaction(() => {
      const begun = this.#file.row(
        `SELECT gap, unit FROM heal_tries WHERE id = ? AND ${state}`,
        z.object({ gap: z.string(), unit: z.string() }),
        id,
      );
      if (begun === undefined) return;
      this.#journal.record("heal.ended", begun.unit, { gap: begun.gap, result, code });
      const nowMs = this.#clock.wallMs();
      this.#file.run(
        "UPDATE heal_tries SET ended_ms = ?, result = ?, code = ? WHERE id = ?",
        nowMs,
        result,
        code ?? null,
        id,
      );
    });
  }

  /**
   * Ends tries as failed whose process is gone. A ledger is of one machine, whatever that is called today: which run of a process began
   * a try its start tells, which no other run and no other boot has.
   */
  endAbandoned(): void {
    this.#file.transaction(() => {
      const open = this.#file.rows("SELECT id, pid, process_start FROM heal_tries WHERE result IS NULL", openRow);
      for (const { id } of open.filter((one) => processStart(one.pid) !== one.process_start)) {
        this.end(id, "failed", "PROCESS_GONE");
      }
    });
  }

  /**
   * Tries that were handed to a queue, the last ones of their gaps, and of which nobody has said what they came to. Also those that a replay
   * lets count no more: what their jobs end with is wanted all the same.
   */
  queued(): HealTry[] {
    return this.#file.rows(
      `SELECT ${tryColumns} FROM heal_tries AS t
WHERE result = 'queued' AND id = (SELECT max(id) FROM heal_tries AS l WHERE l.gap = t.gap) ORDER BY id`,
      tryRow,
    );
  }

  /** The codes that tries of a gap have ended with since it was last healed, whether they count or not: what was learned of it stays. */
  codesOf(gap: string): ReadonlySet<string> {
    const rows = this.#file.rows(
      `SELECT DISTINCT code FROM heal_tries WHERE gap = ? AND code IS NOT NULL
  AND id > ifnull((SELECT max(id) FROM heal_tries WHERE gap = ? AND result = 'healed'), 0)`,
      z.object({ code: z.string() }),
      gap,
      gap,
    );
    return new Set(rows.map(({ code }) => code));
  }

  /** The tries of each gap that count, oldest first; those before its last replay do not. */
  byGap(): ReadonlyMap<string, readonly HealTry[]> {
    const rows = this.#file.rows(`SELECT ${tryColumns} FROM heal_tries WHERE replayed_ms IS NULL ORDER BY id`, tryRow);
    return Map.groupBy(rows, ({ gap }) => gap);
  }

  /** Lets gaps be tried as if for the first time; what was tried stays on record. @returns how many tries count no more */
  replay(gaps: readonly string[]): number {
    return this.#file.transaction(() => {
      let forgotten = 0;
      for (const gap of gaps) {
        const open =
          "UPDATE heal_tries SET replayed_ms = ? WHERE gap = ? AND replayed_ms IS NULL AND result IS NOT NULL";
        const { changes } = this.#file.run(open, this.#clock.wallMs(), gap);
        if (changes > 0) this.#journal.record("heal.replayed", gap, { tries: changes });
        forgotten += changes;
      }
      return forgotten;
    });
  }
}
