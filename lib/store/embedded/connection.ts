import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { parseError } from "@clickhouse/client";
import { ChdbConnection } from "chdb/connection";
import type { ConnExecParams, ConnExecResult, ConnInsertParams, ConnInsertResult } from "chdb/connection";
import { formatClause, parseInsert, statementKind } from "../sql/scan.ts";
import type { Engine } from "./engine.ts";
import { engineSessionSettings } from "./engine-settings.ts";
import { streamableFormats } from "./streamable-formats.ts";

/**
 * The engine behind `@clickhouse/client`: the stock connection, except that bodies of inserts go through the spool and
 * that a SELECT given to `exec` is streamed instead of being held in memory whole.
 */
export class EmbeddedConnection extends ChdbConnection {
  readonly #engine: Engine;
  /** Streams that have begun and not ended; the engine must outlive them. */
  readonly #streams = new Set<Promise<void>>();

  private constructor(engine: Engine) {
    super({ path: engine.path });
    this.#engine = engine;
  }

  /** A connection runs its statements in series; open one per stream of work. */
  static async open(engine: Engine): Promise<EmbeddedConnection> {
    const connection = new EmbeddedConnection(engine);
    for (const [name, value] of Object.entries(engineSessionSettings)) {
      await connection.command({ query: `SET ${name} = ${value}` });
    }
    return connection;
  }

  override async exec(params: ConnExecParams<Readable>): Promise<ConnExecResult<Readable>> {
    if (params.values !== undefined) {
      const result = await this.insert({ ...params, values: params.values });
      return { ...result, stream: Readable.from([]) };
    }
    const format = formatClause(params.query);
    if (statementKind(params.query) !== "SELECT" || format === undefined || !streamableFormats.has(format)) {
      return super.exec(params);
    }
    const stream = Readable.from(this.#chunks(params.query, format), { objectMode: false });
    return { query_id: params.query_id ?? randomUUID(), response_headers: {}, http_status_code: 200, stream };
  }

  override async insert(params: ConnInsertParams<Readable>): Promise<ConnInsertResult> {
    const statement = parseInsert(params.query);
    if (statement === undefined) throw new Error(`not an INSERT with a body: ${params.query.slice(0, 200)}`);
    const done = await this.#engine.spool.insert(statement, params.values, (query) => super.command({ query }));
    return done ?? { query_id: params.query_id ?? randomUUID(), response_headers: {}, http_status_code: 200 };
  }

  /** A stream has a session of its own, which carries one cursor at a time and would block other statements. */
  async *#chunks(query: string, format: string): AsyncGenerator<Uint8Array> {
    const session = await this.#engine.session();
    const ended = Promise.withResolvers<void>();
    this.#streams.add(ended.promise);
    try {
      for await (const chunk of session.queryStream(query, { format })) yield chunk.raw();
    } catch (error) {
      throw error instanceof Error ? parseError(error.message) : error;
    } finally {
      session.close();
      this.#streams.delete(ended.promise);
      ended.resolve();
    }
  }

  /** Waits for streams that their readers have left: a cursor that outlives the engine ends the process. */
  override async close(): Promise<void> {
    await Promise.all(this.#streams);
    await super.close();
  }
}
