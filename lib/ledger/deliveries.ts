import { randomUUID } from "node:crypto";
import { z } from "zod";
import { processStart } from "../store/embedded/process-identity.ts";
import type { Clock } from "./clock.ts";
import type { LedgerFile } from "./file.ts";
import { longestMessageWaitMs, type Message } from "./outbox.ts";

/** The right to send one message through one channel, taken before it is sent. */
export interface Claim {
  readonly id: bigint;
  readonly message: Message;
  readonly channel: string;
  /** Tells it from all others, in whatever ledger. */
  readonly token: string;
  /** It was sent before, and nobody knows whether it arrived. */
  readonly mayRepeat: boolean;
}

/** A message that waits because a channel does not take it, although it takes others. */
export interface Refusal {
  readonly message: number;
  readonly channel: string;
  /** When it refused it first. */
  readonly sinceMs: number;
  readonly reason: string;
}

/** Channels, by what became of one message there. */
export interface Whereabouts {
  readonly has: readonly string[];
  /** Nobody knows whether it arrived. */
  readonly mayHave: readonly string[];
  /** Of these, those through which it is being sent. */
  readonly isGiven: readonly string[];
}

/** What became of sending. */
export type Outcome =
  | { readonly result: "sent"; /** What the channel calls it. */ readonly messageId?: string }
  /** It has certainly not arrived. */
  | {
      readonly result: "failed";
      readonly reason: string;
      /** When the channel says it may be tried again. */
      readonly retryAfterMs?: number;
      /** The channel works; it is this message that it does not take. */
      readonly isOfMessage?: true;
    }
  /** It may have arrived. */
  | { readonly result: "unknown"; readonly reason: string };

const optional = <T extends z.ZodType>(
  schema: T,
): z.ZodUnion<readonly [z.ZodPipe<z.ZodNull, z.ZodTransform<undefined>>, T]> =>
  z.union([z.null().transform(() => undefined), schema]);

const channelRow = z
  .object({
    not_before_ms: z.coerce.number(),
    failures: z.coerce.number(),
    failing_since_ms: optional(z.coerce.number()),
    last_failure: optional(z.string()),
    moved_to: optional(z.string()),
    next_update: optional(z.coerce.number()),
    updated_ms: optional(z.coerce.number()),
  })
  .transform((row) => ({
    notBeforeMs: row.not_before_ms,
    /** In a row, since `failingSinceMs`. */
    failures: row.failures,
    failingSinceMs: row.failing_since_ms,
    lastFailure: row.last_failure,
    /** The address that has taken the place of the configured one. */
    movedTo: row.moved_to,
    /** The number of the next incoming update, and when that was learned. */
    nextUpdate: row.next_update,
    updatedMs: row.updated_ms,
  }));

/** How a channel does. */
export type ChannelState = Readonly<z.output<typeof channelRow>>;

const unusedChannel: ChannelState = {
  notBeforeMs: 0,
  failures: 0,
  failingSinceMs: undefined,
  lastFailure: undefined,
  movedTo: undefined,
  nextUpdate: undefined,
  updatedMs: undefined,
};

const claimDetails = z.object({
  pid: z.number(),
  process_start: z.string(),
  token: z.string().optional(),
  ended: z.boolean().optional(),
});
const deliveryRow = z.object({
  at_ms: z.coerce.number(),
  result: z.enum(["sent", "failed", "unknown"]),
  details: z.string().transform((text): unknown => JSON.parse(text)),
});

const refusalRow = z
  .object({
    message: z.coerce.number(),
    channel: z.string(),
    since_ms: z.coerce.number(),
    reason: z.string(),
  })
  .transform(({ since_ms: sinceMs, ...row }) => ({ ...row, sinceMs }));

/** Tokens of claims that this process is at; what its ledger says of others was not brought to an end. */
const underWay = new Set<string>();
/** No channel takes so long to send one message: a claim of another process that is older has failed to say how it ended. */
const longestSendMs = 10 * 60_000;

const firstWaitMs = 10_000;

/** How long a channel, or a message, is left alone after so many failures in a row. */
function waitAfter(failures: number): number {
  return Math.min(longestMessageWaitMs, firstWaitMs * 2 ** Math.min(failures - 1, 10));
}

/**
 * What was sent through which channel. A row stands before anything is sent, and its result is unknown until it is learned: who
 * is killed in between leaves a row that says so.
 */
export class Deliveries {
  readonly #file: LedgerFile;
  readonly #clock: Clock;

  constructor(file: LedgerFile, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  /**
   * Takes the right to send a message through a channel, until {@link release}.
   * @returns `done` where the channel has it, or it waits no longer; `busy` where another process is at it
   */
  claim(message: Message, channel: string): Claim | "done" | "busy" {
    const token = randomUUID();
    const nowMs = this.#clock.wallMs();
    const claim = this.#file.transaction(() => {
      if (!this.#waits(message.id)) return "done";
      const before = this.#before(message.id, channel);
      if (before.some(({ result }) => result === "sent")) return "done";
      const unknown = before.filter(({ result }) => result === "unknown");
      if (unknown.some((one) => isUnderWay(one, nowMs))) return "busy";
      const details = { pid: process.pid, process_start: processStart(process.pid) ?? "", token };
      const { id } = this.#file.run(
        "INSERT INTO deliveries (outbox, at_ms, channel, result, details) VALUES (?, ?, ?, 'unknown', ?)",
        message.id,
        nowMs,
        channel,
        JSON.stringify(details),
      );
      return { id, message, channel, token, mayRepeat: unknown.length > 0 };
    });
    if (typeof claim === "object") underWay.add(claim.token);
    return claim;
  }

  /** Nobody is at it any more, whether its end is on record or not: what is not is unknown. */
  release({ token }: Claim): void {
    underWay.delete(token);
  }

  /** Puts on record what became of it, and until when the channel is left alone. */
  finish({ id, message, channel }: Claim, outcome: Outcome): void {
    const nowMs = this.#clock.wallMs();
    this.#file.transaction(() => {
      const { result, ...more } = outcome;
      const details = { pid: process.pid, process_start: "", ended: true, ...more };
      this.#file.run("UPDATE deliveries SET result = ?, details = ? WHERE id = ?", result, JSON.stringify(details), id);
      if (outcome.result === "sent") {
        this.reached(channel);
        if (message.lastsMs !== undefined && outcome.messageId !== undefined) {
          this.#file.run(
            "INSERT INTO ephemeral_messages (channel, message, delete_at_ms) VALUES (?, ?, ?)",
            channel,
            outcome.messageId,
            nowMs + message.lastsMs,
          );
        }
        return;
      }
      if (outcome.result === "failed" && outcome.isOfMessage === true) {
        const tried = this.#before(message.id, channel).length;
        this.#file.run("UPDATE outbox SET not_before_ms = ? WHERE id = ?", nowMs + waitAfter(tried), message.id);
        this.#setChannel(channel, "last_failure = ?", outcome.reason);
        return;
      }
      this.missed(channel, outcome.reason, outcome.result === "failed" ? outcome.retryAfterMs : undefined);
    });
  }

  /** A channel has answered as it should. */
  reached(channel: string): void {
    this.#setChannel(channel, "not_before_ms = 0, failures = 0, failing_since_ms = NULL, last_failure = NULL");
  }

  /** A channel has not. @param retryAfterMs when it says that it may be tried again */
  missed(channel: string, reason: string, retryAfterMs?: number): void {
    const nowMs = this.#clock.wallMs();
    const failures = this.channel(channel).failures + 1;
    this.#setChannel(
      channel,
      // A beginning that is yet to come was written by a clock that has been set back.
      "not_before_ms = ?, failures = ?, failing_since_ms = min(ifnull(failing_since_ms, ?), ?), last_failure = ?",
      nowMs + (retryAfterMs ?? waitAfter(failures)),
      failures,
      nowMs,
      nowMs,
      reason,
    );
  }

  /** Has the channel got the message? */
  isDelivered(message: number, channel: string): boolean {
    return this.#before(message, channel).some(({ result }) => result === "sent");
  }

  /** The channels that have a message, or may have it, and those that somebody gives it to at this moment. */
  whereabouts(message: number): Whereabouts {
    const nowMs = this.#clock.wallMs();
    const sql = "SELECT DISTINCT channel AS name FROM deliveries WHERE outbox = ? ORDER BY channel";
    const all = this.#file.rows(sql, z.object({ name: z.string() }), message).map(({ name }) => {
      const before = this.#before(message, name);
      const results = new Set(before.map(({ result }) => result));
      const state = results.has("sent") ? ("has" as const) : results.has("unknown") ? ("may have" as const) : undefined;
      return { name, state, isUnderWay: state === "may have" && before.some((one) => isUnderWay(one, nowMs)) };
    });
    const named = (is: (one: (typeof all)[number]) => boolean): string[] => all.filter(is).map(({ name }) => name);
    return {
      has: named(({ state }) => state === "has"),
      mayHave: named(({ state }) => state === "may have"),
      isGiven: named((one) => one.isUnderWay),
    };
  }

  /** Messages that wait and that a channel has refused for themselves, oldest first. */
  refusals(): Refusal[] {
    const isRefusal = "result = 'failed' AND json_extract(details, '$.isOfMessage') = 1";
    const ofOne = `FROM deliveries AS d WHERE d.outbox = waiting.outbox AND d.channel = waiting.channel`;
    const sql = `SELECT outbox AS message, channel, (SELECT min(at_ms) ${ofOne} AND ${isRefusal}) AS since_ms,
  (SELECT json_extract(details, '$.reason') ${ofOne} AND ${isRefusal} ORDER BY id DESC LIMIT 1) AS reason
FROM (SELECT DISTINCT outbox, channel FROM deliveries WHERE ${isRefusal} AND outbox IN (SELECT id FROM outbox WHERE state = 'pending')) AS waiting
WHERE NOT EXISTS (SELECT 1 ${ofOne} AND result = 'sent') ORDER BY message, channel`;
    return this.#file.rows(sql, refusalRow);
  }

  /** The messages that a channel has got of those that were sent since then, by their numbers. */
  sentSince(channel: string, ms: number): number[] {
    const sql = "SELECT outbox AS message FROM deliveries WHERE channel = ? AND result = 'sent' AND at_ms >= ?";
    const rows = this.#file.rows(sql, z.object({ message: z.coerce.number() }), channel, ms);
    return rows.map(({ message }) => message);
  }

  /** The channels through which something was sent, or was to be, since then. */
  usedSince(ms: number): string[] {
    const sql = "SELECT DISTINCT channel AS name FROM deliveries WHERE at_ms >= ?";
    return this.#file.rows(sql, z.object({ name: z.string() }), ms).map((row) => row.name);
  }

  channel(name: string): ChannelState {
    return this.#file.row("SELECT * FROM channels WHERE name = ?", channelRow, name) ?? unusedChannel;
  }

  /** The names of channels that were used. */
  channels(): string[] {
    return this.#file
      .rows("SELECT name FROM channels ORDER BY name", z.object({ name: z.string() }))
      .map((row) => row.name);
  }

  /** From now on the channel's messages go to another address, in the place of the configured one. */
  move(channel: string, to: string): void {
    this.#setChannel(channel, "moved_to = ?, not_before_ms = 0", to);
  }

  /** A channel that was to be left alone for a while is so no more. */
  tryNow(channel: string): void {
    this.#setChannel(channel, "not_before_ms = 0");
  }

  /** The next incoming update of a channel that will be taken. */
  setNextUpdate(channel: string, next: number): void {
    this.#setChannel(channel, "next_update = ?, updated_ms = ?", next, this.#clock.wallMs());
  }

  /** Messages that have lasted long enough and are still there. @param nowMs also later than now: those that will be due then */
  dueForDeletion(
    channel: string,
    nowMs: number,
  ): { readonly id: number; readonly messageId: string; readonly atMs: number }[] {
    return this.#file.rows(
      "SELECT id, message AS messageId, delete_at_ms AS atMs FROM ephemeral_messages WHERE channel = ? AND deleted_ms IS NULL AND delete_at_ms <= ? ORDER BY id",
      z.object({ id: z.coerce.number(), messageId: z.string(), atMs: z.coerce.number() }),
      channel,
      nowMs,
    );
  }

  deleted(id: number): void {
    this.#file.run("UPDATE ephemeral_messages SET deleted_ms = ? WHERE id = ?", this.#clock.wallMs(), id);
  }

  #waits(message: number): boolean {
    const sql = "SELECT id FROM outbox WHERE id = ? AND state = 'pending'";
    return this.#file.row(sql, z.object({ id: z.coerce.number() }), message) !== undefined;
  }

  #before(message: number, channel: string): z.output<typeof deliveryRow>[] {
    const sql = "SELECT at_ms, result, details FROM deliveries WHERE outbox = ? AND channel = ? ORDER BY id";
    return this.#file.rows(sql, deliveryRow, message, channel);
  }

  #setChannel(name: string, set: string, ...values: readonly (string | number)[]): void {
    this.#file.run("INSERT INTO channels (name) VALUES (?) ON CONFLICT DO NOTHING", name);
    this.#file.run(`UPDATE channels SET ${set} WHERE name = ?`, ...values, name);
  }
}

function isUnderWay({ at_ms: atMs, details }: z.output<typeof deliveryRow>, nowMs: number): boolean {
  const claim = claimDetails.safeParse(details).data;
  if (claim === undefined || claim.ended === true || processStart(claim.pid) !== claim.process_start) return false;
  // A process that goes on after it could not put the end on record lives, and is at it no more.
  if (claim.pid === process.pid) return claim.token !== undefined && underWay.has(claim.token);
  return Math.abs(nowMs - atMs) < longestSendMs;
}
