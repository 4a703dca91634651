import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Session, StreamChunk } from "chdb";
import type { Engine } from "../embedded/engine.ts";
import { streamableFormats } from "../embedded/streamable-formats.ts";
import { sqlString } from "../sql/literal.ts";
import { formatClause, scan, statementKind } from "../sql/scan.ts";
import { Slots } from "./slots.ts";
import type { ServedStatement } from "./statement.ts";

/** What a statement gives back. */
export interface StatementResult {
  readonly format: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** How often a statement whose client has left is told to end: it may not have begun yet, or be between two steps. */
const killEveryMs = 200;
/** A backstop for statements that are held whole, where the client set none. */
const maxExecutionSeconds = 3_600;
/**
 * The engine gives every statement a query id that we cannot choose or read. This setting marks one instead: it is free
 * text, means nothing while the query cache is off, and leaves `log_comment` to the client.
 */
const markSetting = "query_cache_tag";

/** Runs statements of many clients in one engine, few at a time, each until its client has left. */
export class StatementRunner {
  readonly #engine: Engine;
  readonly #slots: Slots;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#slots = new Slots(slotCount());
  }

  /**
   * Runs a statement in a session of its own, which its database, parameters and settings do not leave. The session is
   * closed when the chunks have been read or their iterator has been ended.
   * @param signal aborted when nobody wants the answer any more: a statement that waits is dropped, one that runs is killed
   * @throws the engine's error; a SELECT's comes with the first chunk
   */
  async run(statement: ServedStatement, signal: AbortSignal): Promise<StatementResult> {
    const format = formatClause(statement.sql) ?? statement.format ?? "TabSeparated";
    if (statement.insert === undefined && isStreamable(statement.sql, format)) {
      return { format, chunks: this.#streamed(statement, format, signal) };
    }
    if (statement.insert !== undefined) {
      const { statement: insert, rows } = statement.insert;
      // The rows arrive without holding a place: a slow sender is in nobody's way.
      await this.#engine.spool.insert(insert, rows, async (sql) => this.#whole({ ...statement, sql }, signal));
      return { format: insert.format, chunks: atMostOne() };
    }
    return { format, chunks: atMostOne(await this.#whole(statement, signal, format)) };
  }

  async #whole(statement: ServedStatement, signal: AbortSignal, format?: string): Promise<Uint8Array> {
    const mark = randomUUID();
    return this.#slots.run(signal, async () => {
      const session = await this.#engine.session();
      try {
        await session.queryAsync(`SET max_execution_time = ${maxExecutionSeconds}`);
        await prepare(session, statement, mark);
        const options = format === undefined ? {} : { format };
        return (await this.#killable(mark, signal, async () => session.queryAsync(statement.sql, options))).bytes();
      } finally {
        session.close();
      }
    });
  }

  /** Only the steps of the engine hold a place, so that a client who reads slowly is in nobody's way. */
  async *#streamed(statement: ServedStatement, format: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const mark = randomUUID();
    const opened: { cursor?: Cursor } = {};
    const step = async (): Promise<Uint8Array | undefined> =>
      this.#slots.run(signal, async () => {
        const cursor = (opened.cursor ??= await this.#open(statement, format, mark));
        return this.#killable(mark, signal, async () => cursor.next());
      });
    try {
      for (let chunk = await step(); chunk !== undefined; chunk = await step()) yield chunk;
    } finally {
      if (opened.cursor?.isOver === false) {
        await this.#kill(mark);
        await opened.cursor.drain();
      }
      opened.cursor?.close();
    }
  }

  async #open(statement: ServedStatement, format: string, mark: string): Promise<Cursor> {
    const session = await this.#engine.session();
    try {
      await prepare(session, statement, mark);
      return new Cursor(session, statement.sql, format);
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Runs `work` and kills its statement when the signal is aborted meanwhile. */
  async #killable<T>(mark: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const over = new AbortController();
    const onAbort = async (): Promise<void> => {
      for (; !over.signal.aborted; await delay(killEveryMs)) await this.#kill(mark);
    };
    const listener = (): void => void onAbort();
    signal.addEventListener("abort", listener, { once: true });
    try {
      return await work();
    } finally {
      signal.removeEventListener("abort", listener);
      over.abort();
    }
  }

  /** Tells the engine to end a statement, which is all that stops it: an abort given to the session leaves it running. */
  async #kill(mark: string): Promise<void> {
    for (;;) {
      try {
        const session = await this.#engine.session();
        try {
          // SYNC would hang.
          await session.queryAsync(`KILL QUERY WHERE Settings['${markSetting}'] = '${mark}' ASYNC`);
          return;
        } finally {
          session.close();
        }
      } catch {
        // Out of memory, most likely, which the statement to be killed may hold.
        await delay(killEveryMs);
      }
    }
  }
}

/** A statement's stream in a session of its own. */
class Cursor {
  readonly #session: Session;
  readonly #chunks: AsyncIterator<StreamChunk>;
  #isOver = false;

  constructor(session: Session, sql: string, format: string) {
    this.#session = session;
    this.#chunks = session.queryStream(sql, { format })[Symbol.asyncIterator]();
  }

  /** True once the engine has no more to give, or has failed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  async next(): Promise<Uint8Array | undefined> {
    try {
      const next = await this.#chunks.next();
      if (next.done !== true) return next.value.raw();
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
    this.#isOver = true;
    return undefined;
  }

  /**
   * Reads a killed statement to its end. Closing it before would wait for the engine on the main thread, and with it the
   * whole server.
   */
  async drain(): Promise<void> {
    try {
      while ((await this.next()) !== undefined);
    } catch {
      // It was killed, as it now says.
    }
  }

  close(): void {
    this.#session.close();
  }
}

/** Each statement under way holds a thread of libuv's pool; the other half is for files, for KILL and for what follows. */
function slotCount(): number {
  const threads = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
  return Math.max(1, Math.floor(threads / 2));
}

const streamableKinds = new Set(["SELECT", "WITH"]);
/** A subquery behind one of these runs with the statement that holds it. */
const beforeTable = new Set(["FROM", "JOIN", "AS"]);

/**
 * True where the answer can be streamed. The engine opens a stream on the main thread and works out scalar subqueries
 * and sets of IN before it returns, which would stop the whole server: such statements run as a whole, on another thread.
 */
function isStreamable(sql: string, format: string): boolean {
  if (!streamableFormats.has(format) || !streamableKinds.has(statementKind(sql))) return false;
  const words = [...scan(sql)].map(({ text }) => text.toUpperCase());
  return words.every((word, i) => {
    if (word === "IN") return !/^[\p{L}_`"]/u.test(words[i + 1] ?? "");
    if (word !== "SELECT" && word !== "WITH") return true;
    const opening = words.slice(0, i).findLastIndex((before) => before !== "(");
    return opening < 0 || opening === i - 1 || beforeTable.has(words[opening] ?? "");
  });
}

async function prepare(session: Session, statement: ServedStatement, mark: string): Promise<void> {
  const { database, parameters, settings } = statement;
  if (database !== undefined && database !== "") await session.queryAsync(`USE ${quotedName(database)}`);
  for (const [name, value] of settings) await session.queryAsync(`SET ${name} = ${sqlString(value)}`);
  for (const [name, value] of parameters) await session.queryAsync(`SET param_${name} = ${sqlString(value)}`);
  await session.queryAsync(`SET ${markSetting} = '${mark}'`);
  if (statement.readonly) await session.queryAsync("SET readonly = 2");
}

async function* atMostOne(bytes?: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes !== undefined && bytes.byteLength > 0) yield bytes;
}

function quotedName(name: string): string {
  return `\`${name.replace(/[\\`]/g, "\\$&")}\``;
}
