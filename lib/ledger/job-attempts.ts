import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";

/** An attempt at a job, as it is queued. Host and label are its identity. */
export interface QueuedAttempt {
  readonly host: string;
  readonly label: string;
  /** What every attempt at the job shares: `BTCUSDT@250+500:2024`. */
  readonly job: string;
  readonly group: string;
  /** Counted from 1. */
  readonly attempt: number;
  readonly requestBytes: number;
  /** Zipped archives that it reads; undefined where that is not known any more. */
  readonly archiveBytes: number | undefined;
  readonly barVersion: number;
}

export const attemptOutcomes = ["exited", "signalled", "out-of-memory", "not-started", "lost"] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

const resultShape = {
  outcome: z.enum(attemptOutcomes),
  exit_code: z.coerce.number().nullable(),
  code: z.string().nullable(),
  limit_bytes: z.coerce.number().nullable(),
  peak_bytes: z.coerce.number().nullable(),
  resident_peak_bytes: z.coerce.number().nullable(),
  cpu_ms: z.coerce.number().nullable(),
  duration_ms: z.coerce.number().nullable(),
  trades: z.coerce.number().nullable(),
  bars: z.coerce.number().nullable(),
  started_ms: z.coerce.number().nullable(),
  ended_ms: z.coerce.number(),
};
const resultColumns = Object.keys(resultShape);

const endedRow = z.object({
  ...resultShape,
  host: z.string(),
  label: z.string(),
  job: z.string(),
  job_group: z.string(),
  is_cancelled: z.coerce.boolean(),
});

/** What an attempt came to, as its host showed it; null where the host did not say. Bytes and milliseconds. */
export type AttemptResult = Readonly<z.output<z.ZodObject<typeof resultShape>>>;
export type EndedJobAttempt = Readonly<z.output<typeof endedRow>>;

const newestRow = z.object({
  job: z.string(),
  /** Null until it has ended and was read back. */
  outcome: z.enum(attemptOutcomes).nullable(),
  exit_code: z.coerce.number().nullable(),
  code: z.string().nullable(),
  is_cancelled: z.coerce.boolean(),
});

/** The last attempt at a job, as far as its end is known. */
export type NewestJobAttempt = Readonly<z.output<typeof newestRow>>;

const endRow = z.object({ label: z.string(), ended_ms: z.coerce.number() });
const valued = z.object({ value: z.coerce.number().nullable() });

/** The attempts at queued jobs, each with what was asked for it and what it was measured at: what later requests are learned from. */
export class JobAttempts {
  readonly #file: LedgerFile;
  readonly #clock: Clock;

  constructor(file: LedgerFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /** Puts down what is asked for an attempt, before it is queued. */
  queued(one: QueuedAttempt): void {
    this.#file.run(
      `INSERT INTO job_attempts (host, label, job, job_group, attempt, request_bytes, archive_bytes, bar_version, queued_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (host, label) DO UPDATE SET request_bytes = excluded.request_bytes, archive_bytes = excluded.archive_bytes,
  bar_version = excluded.bar_version, queued_ms = excluded.queued_ms`,
      one.host,
      one.label,
      one.job,
      one.group,
      one.attempt,
      one.requestBytes,
      one.archiveBytes ?? null,
      one.barVersion,
      this.#clock.wallMs(),
    );
  }

  /** Puts down what an attempt came to, also of one that was queued from elsewhere. A later run under the same label takes its place. */
  ended(
    { host, label, job, group, attempt }: Omit<QueuedAttempt, "requestBytes" | "archiveBytes" | "barVersion">,
    result: AttemptResult,
  ): void {
    const values = Object.entries(z.object(resultShape).parse(result));
    const names = values.map(([name]) => name);
    this.#file.run(
      `INSERT INTO job_attempts (host, label, job, job_group, attempt, ${names.join(", ")})
VALUES (?, ?, ?, ?, ?, ${names.map(() => "?").join(", ")})
ON CONFLICT (host, label) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(", ")}`,
      host,
      label,
      job,
      group,
      attempt,
      ...values.map(([, value]) => value),
    );
  }

  /** A person has ended it, or taken it out of the queue; also one that somebody else has queued. */
  cancelled({
    host,
    label,
    job,
    group,
    attempt,
  }: Pick<QueuedAttempt, "host" | "label" | "job" | "group" | "attempt">): void {
    this.#file.run(
      `INSERT INTO job_attempts (host, label, job, job_group, attempt, cancelled_ms) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (host, label) DO UPDATE SET cancelled_ms = excluded.cancelled_ms`,
      host,
      label,
      job,
      group,
      attempt,
      this.#clock.wallMs(),
    );
  }

  /** The attempts at a job that have ended, oldest first. */
  ofJob(job: string): EndedJobAttempt[] {
    return this.#ended("job = ?", job);
  }

  /** Those that did all of their job. */
  completed(): EndedJobAttempt[] {
    return this.#ended("outcome = 'exited' AND exit_code = 0");
  }

  /** The last attempt at each job, oldest first. */
  newest(): NewestJobAttempt[] {
    return this.#file.rows(
      `SELECT job, outcome, exit_code, code, cancelled_ms IS NOT NULL AS is_cancelled FROM job_attempts
WHERE id IN (SELECT max(id) FROM job_attempts GROUP BY job) ORDER BY id`,
      newestRow,
    );
  }

  /** When the attempts on a host have ended, milliseconds of the host's clock, by label; as far as that was read back. */
  endsOn(host: string): ReadonlyMap<string, number> {
    const sql = "SELECT label, ended_ms FROM job_attempts WHERE host = ? AND ended_ms IS NOT NULL";
    return new Map(this.#file.rows(sql, endRow, host).map(({ label, ended_ms: endedMs }) => [label, endedMs]));
  }

  /** The number of a job's last attempt; 0 where there was none. */
  lastAttempt(job: string): number {
    return this.#file.row("SELECT max(attempt) AS value FROM job_attempts WHERE job = ?", valued, job)?.value ?? 0;
  }

  /** The archives that a job reads, bytes, as its last planning had them. */
  archiveBytes(job: string): number | undefined {
    const sql =
      "SELECT archive_bytes AS value FROM job_attempts WHERE job = ? AND archive_bytes IS NOT NULL ORDER BY id DESC LIMIT 1";
    return this.#file.row(sql, valued, job)?.value ?? undefined;
  }

  /** The bar versions of which a host has committed bars, each read back from the store. */
  provenOn(host: string): ReadonlySet<number> {
    const rows = this.#file.rows(
      `SELECT DISTINCT bar_version AS value FROM job_attempts
WHERE host = ? AND outcome = 'exited' AND (exit_code = 0 OR (exit_code = 1 AND bars > 0)) AND bar_version IS NOT NULL`,
      z.object({ value: z.coerce.number() }),
      host,
    );
    return new Set(rows.map(({ value }) => value));
  }

  #ended(condition: string, ...values: readonly string[]): EndedJobAttempt[] {
    return this.#file.rows(
      `SELECT host, label, job, job_group, cancelled_ms IS NOT NULL AS is_cancelled, ${resultColumns.join(", ")}
FROM job_attempts WHERE outcome IS NOT NULL AND ${condition} ORDER BY ended_ms, id`,
      endedRow,
      ...values,
    );
  }
}
