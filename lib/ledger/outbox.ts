import { z } from "zod";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";
import type { Journal } from "./journal.ts";
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

/** `unknown`: it was given up, so that nobody knows of each channel whether it has it. */
const states = ["pending", "sent", "unknown"] as const;
export type MessageState = (typeof states)[number];
const stateRow = z.object({ state: z.enum(states) });

const withdrawalRow = z
  .object({ message: z.coerce.number(), at_ms: z.coerce.number(), by_whom: z.string() })
  .transform(({ message, at_ms: atMs, by_whom: by }) => ({ message, atMs, by }));

/** Who gave up a message by its number, and when. */
export type Withdrawal = Readonly<z.output<typeof withdrawalRow>>;

/** No message is left alone for longer: a wait that is was written by a clock that has been set back since, and is over. */
export const longestMessageWaitMs = 10 * 60_000;

const columns = "id, fingerprint, severity, text, created_ms, kind, incidents, lasts_ms";

/** Messages that wait to be delivered: put there in the transaction that found the trouble, so that neither is without the other. */
export class Outbox {
  readonly #file: LedgerFile;
  readonly #clock: Clock;
  readonly #journal: Journal;

  constructor(file: LedgerFile, clock: Clock, journal: Journal) {
    this.#file = file;
    this.#clock = clock;
    this.#journal = journal;
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
      this.giveUp(alert.fingerprint);
      this.enqueue(alert);
    });
  }

  /** Gives up the message with this fingerprint, where one waits. */
  giveUp(fingerprint: string): void {
    this.#file.run("UPDATE outbox SET state = 'unknown' WHERE fingerprint = ? AND state = 'pending'", fingerprint);
  }

  /**
   * Gives up a message that waits because a person says so; the journal says who. Of the incidents that it tells of nothing changes: they
   * are said again when that is due.
   */
  withdraw({ id, incidents }: Pick<Message, "id" | "incidents">, by: string): void {
    this.#file.transaction(() => {
      this.#journal.record("message.withdrawn", `message ${id}`, { message: id, by, incidents });
      this.close(id, "unknown");
    });
  }

  /** Messages that people have withdrawn since then, oldest first. */
  withdrawnSince(ms: number): (Withdrawal & { readonly text: string })[] {
    return this.#withdrawals("at_ms >= ?", ms).flatMap((one) => {
      const text = this.byId(one.message)?.text;
      return text === undefined ? [] : [{ ...one, text }];
    });
  }

  /** Who has withdrawn a message; undefined where nobody has. */
  withdrawalOf(id: number): Withdrawal | undefined {
    return this.#withdrawals("json_extract(details, '$.message') = ?", id).at(-1);
  }

  #withdrawals(condition: string, value: number): Withdrawal[] {
    const sql = `SELECT json_extract(details, '$.message') AS message, at_ms, json_extract(details, '$.by') AS by_whom
FROM journal WHERE kind = 'message.withdrawn' AND ${condition} ORDER BY seq`;
    return this.#file.rows(sql, withdrawalRow, value);
  }

  /** What became of a message; undefined where there is none. */
  stateOf(id: number): MessageState | undefined {
    return this.#file.row("SELECT state FROM outbox WHERE id = ?", stateRow, id)?.state;
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
  close(id: number, state: Exclude<MessageState, "pending">): void {
    this.#file.run("UPDATE outbox SET state = ? WHERE id = ?", state, id);
  }

  /** How many wait. */
  pending(): number {
    const counted = z.object({ row_count: z.coerce.number() });
    return this.#file.row("SELECT count(*) AS row_count FROM outbox WHERE state = 'pending'", counted)?.row_count ?? 0;
  }
}
