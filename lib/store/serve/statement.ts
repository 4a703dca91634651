import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { isMultiStatement, parseInsert, type InsertStatement } from "../sql/scan.ts";
import { bodyOf, joined, splitHead } from "./body.ts";
import { badRequest, notImplemented, ServeException } from "./exception.ts";

/** ClickHouse's own default of `max_query_size`; rows of an insert do not count. */
const statementBytesMax = 262_144;

/** Parameters of the URL that are no settings of the engine: they speak to the HTTP front. */
const frontParameters = new Set([
  "query",
  "query_id",
  "database",
  "default_format",
  "user",
  "password",
  "session_id",
  "session_timeout",
  "session_check",
  "role",
  "quota_key",
  "buffer_size",
  "wait_end_of_query",
  "send_progress_in_http_headers",
  "http_headers_progress_interval_ms",
  "enable_http_compression",
  "http_zlib_compression_level",
  "http_response_headers",
  "client_protocol_version",
]);

/** A statement as it came over HTTP. */
export interface ServedStatement {
  readonly queryId: string;
  readonly sql: string;
  /** Where the statement is an INSERT with rows: its parts, and the rows. */
  readonly insert: { readonly statement: InsertStatement; readonly rows: Readable } | undefined;
  readonly database: string | undefined;
  /** Of the statement's `{name:Type}` places, by name, as given. */
  readonly parameters: ReadonlyArray<readonly [name: string, value: string]>;
  readonly settings: ReadonlyArray<readonly [name: string, value: string]>;
  readonly format: string | undefined;
  /** A GET must not change anything. */
  readonly readonly: boolean;
  readonly acceptsGzip: boolean;
}

/** Reads URL, headers and as much of the body as belongs to the statement. @throws ServeException */
export async function readStatement(request: IncomingMessage, url: URL): Promise<ServedStatement> {
  refuseUnsupported(request, url);
  const queryId = queryIdOf(url);
  const parameters: Array<readonly [string, string]> = [];
  const settings: Array<readonly [string, string]> = [];
  for (const [name, value] of url.searchParams) {
    if (name.startsWith("param_")) parameters.push([plainName(name.slice("param_".length)), value]);
    else if (!frontParameters.has(name)) settings.push([plainName(name), value]);
  }
  const header = request.headers["x-clickhouse-format"];
  const headerDatabase = request.headers["x-clickhouse-database"];
  const accepted = request.headers["accept-encoding"]?.toString() ?? "";
  return {
    ...(await readSql(url.searchParams.get("query") ?? "", bodyOf(request))),
    queryId,
    database: url.searchParams.get("database") ?? (typeof headerDatabase === "string" ? headerDatabase : undefined),
    parameters,
    settings,
    format: formatOf(url.searchParams.get("default_format") ?? (typeof header === "string" ? header : undefined)),
    readonly: request.method === "GET",
    acceptsGzip: url.searchParams.get("enable_http_compression") === "1" && /\bgzip\b/.test(accepted),
  };
}

/** The statement is in the URL, in the body, or begins in one and goes on in the other; an insert's rows follow it. */
async function readSql(inUrl: string, body: Readable): Promise<Pick<ServedStatement, "sql" | "insert">> {
  const urlInsert = parseInsert(inUrl);
  if (urlInsert !== undefined) {
    const inlineRows = Buffer.from(inUrl.slice(urlInsert.end).trimStart());
    return { sql: inUrl, insert: { statement: urlInsert, rows: joined(inlineRows, body) } };
  }
  const { head, rest } = await splitHead(body, statementBytesMax);
  const before = Buffer.from(inUrl === "" || head.byteLength === 0 ? inUrl : `${inUrl}\n`);
  const bytes = Buffer.concat([before, head]);
  // One byte, one character: rows may be binary, and the statement's end is wanted in bytes.
  const insert = parseInsert(bytes.toString("latin1"));
  if (insert !== undefined) {
    const sql = bytes.toString("utf8", 0, insert.end);
    const statement = parseInsert(sql);
    if (statement === undefined) throw badRequest("the statement is no text in UTF-8");
    const rows = joined(bytes.subarray(insert.end + lineBreakAt(bytes, insert.end)), rest);
    return { sql, insert: { statement, rows } };
  }
  if (bytes.byteLength > statementBytesMax) {
    rest.destroy();
    throw new ServeException(400, 62, "SYNTAX_ERROR", `the statement is longer than ${statementBytesMax} bytes`);
  }
  const sql = bytes.toString("utf8").replace(/\s+$/, "");
  if (isMultiStatement(sql)) {
    throw new ServeException(400, 62, "SYNTAX_ERROR", "more than one statement in a request; send one at a time");
  }
  return { sql: sql.replace(/;$/, ""), insert: undefined };
}

/** Blanks up to and with one line break part a format's name from its rows. */
function lineBreakAt(bytes: Buffer, from: number): number {
  const text = bytes.toString("latin1", from, from + 64);
  return /^[ \t]*\r?\n|^ /.exec(text)?.[0].length ?? 0;
}

function plainName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name)) throw badRequest(`"${name}" is not a name`);
  return name;
}

/** The client's own id, which goes back in a header. */
function queryIdOf(url: URL): string {
  const given = url.searchParams.get("query_id") ?? "";
  if (given === "") return randomUUID();
  if (!/^[\x20-\x7e]{1,128}$/.test(given)) throw badRequest("query_id: at most 128 printable characters of ASCII");
  return given;
}

function formatOf(name: string | undefined): string | undefined {
  if (name === undefined || name === "") return undefined;
  if (!/^\w+$/.test(name)) throw badRequest("the default format is not a name");
  return name;
}

function refuseUnsupported(request: IncomingMessage, url: URL): void {
  if (request.method !== "GET" && request.method !== "POST") throw notImplemented(`method ${request.method ?? "?"}`);
  if (request.headers["content-type"]?.startsWith("multipart/form-data") === true) {
    throw notImplemented("external data in a multipart body; insert it into a table instead");
  }
  for (const name of ["compress", "decompress"]) {
    if (url.searchParams.get(name) === "1") {
      throw notImplemented(`${name}=1, ClickHouse's own block compression; use HTTP's content encoding`);
    }
  }
}
