import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";

export type Severity = "info" | "warning" | "critical";

/** A message to people, to be delivered. */
export interface Alert {
  /** The same for the same trouble: while one waits to be delivered, another is not put beside it. */
  readonly fingerprint: string;
  readonly severity: Severity;
  readonly text: string;
}

/** Messages that wait to be delivered: put there in the transaction that found the trouble, so that neither is without the other. */
export class Outbox {
  readonly #file: LedgerFile;
  readonly #clock: Clock;

  constructor(file: LedgerFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /** Puts an alert into the outbox. @returns false where one with its fingerprint waits already */
  enqueue({ fingerprint, severity, text }: Alert): boolean {
    const nowMs = this.#clock.wallMs();
    const { changes } = this.#file.run(
      `INSERT INTO outbox (fingerprint, severity, text, created_ms, not_before_ms) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) WHERE state = 'pending' DO NOTHING`,
      fingerprint,
      severity,
      text,
      nowMs,
      nowMs,
    );
    return changes > 0;
  }

  /** How many wait. */
  pending(): number {
    const counted = z.object({ row_count: z.coerce.number() });
    return this.#file.row("SELECT count(*) AS row_count FROM outbox WHERE state = 'pending'", counted)?.row_count ?? 0;
  }
}
