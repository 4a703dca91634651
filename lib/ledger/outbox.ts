import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";
import type { Severity } from "./incidents.ts";

/** What a message is about; `green` is the heartbeat's, gone after a while, `answer` is what somebody asked for. */
const messageKinds = ["alert", "opened", "reminder", "resolved", "green", "answer", "test"] as const;
export type MessageKind = (typeof messageKinds)[number];

/** A message to people, to be delivered. */
export interface Alert {
  /** The same for the same trouble: while one waits to be delivered, another is not put beside it. */
  readonly fingerprint: string;
  readonly severity: Severity;
  readonly text: string;
  /** `alert` where it is left out. */
  readonly kind?: MessageKind;
  /** Numbers of the incidents that it tells of. */
  readonly incidents?: readonly number[];
  /** How long it stays with those who got it, where that can be done; for ever where it is left out. */
  readonly lastsMs?: number;
}

const messageRow = z
  .object({
    id: z.coerce.number(),
    fingerprint: z.string(),
    severity: z.enum(["info", "warning", "critical"]),
    text: z.string(),
    created_ms: z.coerce.number(),
    kind: z.enum(messageKinds),
    incidents: z.string().transform((text) => z.array(z.number()).parse(JSON.parse(text))),
    lasts_ms: z.union([z.null().transform(() => undefined), z.coerce.number()]),
  })
  .transform(({ created_ms: createdMs, lasts_ms: lastsMs, ...row }) => ({ ...row, createdMs, lastsMs }));

/** A message as it waits. */
export type Message = Readonly<z.output<typeof messageRow>>;

/** No message is left alone for longer: a wait that is was written by a clock that has been set back since, and is over. */
export const longestMessageWaitMs = 10 * 60_000;

const columns = "id, fingerprint, severity, text, created_ms, kind, incidents, lasts_ms";

/** Messages that wait to be delivered: put there in the transaction that found the trouble, so that neither is without the other. */
export class Outbox {
  readonly #file: LedgerFile;
  readonly #clock: Clock;

  constructor(file: LedgerFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /** Puts an alert into the outbox. @returns false where one with its fingerprint waits already */
  enqueue(alert: Alert): boolean {
    const { fingerprint, severity, text, kind = "alert", incidents = [], lastsMs } = alert;
    const nowMs = this.#clock.wallMs();
    const { changes } = this.#file.run(
      `INSERT INTO outbox (fingerprint, severity, text, created_ms, not_before_ms, kind, incidents, lasts_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (fingerprint) WHERE state = 'pending' DO NOTHING`,
      fingerprint,
      severity,
      text,
      nowMs,
      nowMs,
      kind,
      JSON.stringify(incidents),
      lastsMs ?? null,
    );
    return changes > 0;
  }

  /** Puts a message into the outbox that says all that the one with its fingerprint would, which waits no longer. */
  replace(alert: Alert): void {
    this.#file.transaction(() => {
      this.withdraw(alert.fingerprint);
      this.enqueue(alert);
    });
  }

  /** Gives up the message with this fingerprint, where one waits. */
  withdraw(fingerprint: string): void {
    this.#file.run("UPDATE outbox SET state = 'unknown' WHERE fingerprint = ? AND state = 'pending'", fingerprint);
  }

  /** The message with this fingerprint, where one waits. */
  waitingFor(fingerprint: string): Message | undefined {
    const sql = `SELECT ${columns} FROM outbox WHERE fingerprint = ? AND state = 'pending'`;
    return this.#file.row(sql, messageRow, fingerprint);
  }

  /** Those that wait, oldest first. */
  waiting(): Message[] {
    return this.#file.rows(`SELECT ${columns} FROM outbox WHERE state = 'pending' ORDER BY id`, messageRow);
  }

  /** Those of them that may be sent now. */
  due(): Message[] {
    const sql = `SELECT ${columns} FROM outbox WHERE state = 'pending' AND (not_before_ms <= ? OR not_before_ms > ?) ORDER BY id`;
    const nowMs = this.#clock.wallMs();
    return this.#file.rows(sql, messageRow, nowMs, nowMs + longestMessageWaitMs);
  }

  /** One by its number, whatever became of it. */
  byId(id: number): Message | undefined {
    return this.#file.row(`SELECT ${columns} FROM outbox WHERE id = ?`, messageRow, id);
  }

  /** Takes a message off the list. @param state `sent` where every channel has it, `unknown` where it is given up */
  close(id: number, state: "sent" | "unknown"): void {
    this.#file.run("UPDATE outbox SET state = ? WHERE id = ?", state, id);
  }

  /** How many wait. */
  pending(): number {
    const counted = z.object({ row_count: z.coerce.number() });
    return this.#file.row("SELECT count(*) AS row_count FROM outbox WHERE state = 'pending'", counted)?.row_count ?? 0;
  }
}
