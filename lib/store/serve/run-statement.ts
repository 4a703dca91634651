import type { Session } from "chdb";
import type { Engine } from "../embedded/engine.ts";
import { sqlString } from "../sql/literal.ts";
import { formatClause, statementKind } from "../sql/scan.ts";
import type { ServedStatement } from "./statement.ts";

/** Formats whose stream is the concatenation of the engine's chunks; others repeat a header or a schema in each. */
const streamable = new Set(["Native", "JSONEachRow", "TabSeparated", "TSV", "RowBinary", "CSV"]);
const streamableKinds = new Set(["SELECT", "WITH"]);

/** What a statement gives back. */
export interface StatementResult {
  readonly format: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Runs a statement in a session of its own, which its database, parameters and settings do not leave. The session is closed
 * when the chunks have been read.
 * @throws the engine's error; a SELECT's comes with the first chunk
 */
export async function runStatement(engine: Engine, statement: ServedStatement): Promise<StatementResult> {
  const session = await engine.session();
  try {
    await prepare(session, statement);
    if (statement.insert !== undefined) {
      const { statement: insert, rows } = statement.insert;
      await engine.spool.insert(insert, rows, async (sql) => session.queryAsync(sql));
      session.close();
      return { format: insert.format, chunks: atMostOne() };
    }
    const format = formatClause(statement.sql) ?? statement.format ?? "TabSeparated";
    if (streamable.has(format) && streamableKinds.has(statementKind(statement.sql))) {
      return { format, chunks: streamed(session, statement.sql, format) };
    }
    const bytes = (await session.queryAsync(statement.sql, { format })).bytes();
    session.close();
    return { format, chunks: atMostOne(bytes) };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function prepare(session: Session, statement: ServedStatement): Promise<void> {
  const { database, parameters, settings } = statement;
  if (database !== undefined && database !== "") await session.queryAsync(`USE ${quotedName(database)}`);
  for (const [name, value] of settings) await session.queryAsync(`SET ${name} = ${sqlString(value)}`);
  for (const [name, value] of parameters) await session.queryAsync(`SET param_${name} = ${sqlString(value)}`);
  if (statement.readonly) await session.queryAsync("SET readonly = 2");
}

async function* streamed(session: Session, sql: string, format: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of session.queryStream(sql, { format })) yield chunk.raw();
  } finally {
    session.close();
  }
}

async function* atMostOne(bytes?: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes !== undefined && bytes.byteLength > 0) yield bytes;
}

function quotedName(name: string): string {
  return `\`${name.replace(/[\\`]/g, "\\$&")}\``;
}
