import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Engine } from "../embedded/engine.ts";
import { exceptionOf, ServeException } from "./exception.ts";
import { Guests } from "./guests.ts";
import { StatementRunner, type StatementResult } from "./run-statement.ts";
import { readStatement, type ServedStatement } from "./statement.ts";

const user = "barkeep";
const loopback = "127.0.0.1";
/** How long statements under way may still run once the server is to end. */
const graceMs = 10_000;

/** Where a served store is and who may use it. */
export interface ServedAddress {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

/** The embedded engine as ClickHouse's HTTP interface on loopback, for one user with a random password. */
export class StoreServer {
  readonly #engine: Engine;
  readonly #runner: StatementRunner;
  readonly #server: Server;
  readonly #answers = new Set<Promise<void>>();
  readonly #guests = new Guests();
  readonly #password: string;
  #isEnding = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#runner = new StatementRunner(engine);
    this.#password = engine.passwordLeft ?? randomBytes(24).toString("base64url");
    this.#server = createServer((request, response) => {
      const answer = this.#answer(request, response).finally(() => this.#answers.delete(answer));
      this.#answers.add(answer);
    });
    // A long insert or query is no idle connection.
    this.#server.requestTimeout = 0;
  }

  /** @param port 0 for any free one; @throws the system's error, EADDRINUSE … */
  async start(port: number): Promise<ServedAddress> {
    this.#server.listen(port, loopback);
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new TypeError("the server listens on no port");
    const served = { url: `http://${loopback}:${address.port}`, user, password: this.#password };
    this.#engine.announce(served);
    return served;
  }

  /** How many besides this process use the store. */
  get guestCount(): number {
    return this.#guests.count;
  }

  /** True while a statement of somebody is under way. */
  get isBusy(): boolean {
    return this.#answers.size > 0;
  }

  /**
   * Takes no more connections, lets what is under way on those that are there end, then cuts what is left, and waits until the
   * engine has ended it.
   */
  async stop(): Promise<void> {
    this.#isEnding = true;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => this.#server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(cut);
    await Promise.all(this.#answers);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished) gone.abort();
    });
    // A busy client's connection would outlive the server's end: it closes behind the answer.
    response.once("finish", () => {
      if (this.#isEnding) request.socket.end();
    });
    try {
      const url = new URL(request.url ?? "/", `http://${loopback}`);
      if (url.pathname === "/ping" || url.pathname === "/replicas_status") {
        response.end("Ok.\n");
        return;
      }
      if (url.pathname !== "/") throw new ServeException(404, 1000, "POCO_EXCEPTION", `there is no ${url.pathname}`);
      this.#authenticate(request, url);
      response.once("close", this.#guests.came(request));
      const statement = await readStatement(request, url);
      if (statement.sql === "") {
        response.end("Ok.\n");
        return;
      }
      await send(response, statement, await this.#runner.run(statement, gone.signal));
    } catch (error) {
      fail(response, exceptionOf(error));
      // What is left of the body is not read: the connection cannot be used again.
      if (!request.complete) request.destroy();
    }
  }

  #authenticate(request: IncomingMessage, url: URL): void {
    const given = credentialsOf(request, url);
    const isRight = sameText(given.user, user) && sameText(given.password, this.#password);
    if (isRight) return;
    const text = `${given.user}: Authentication failed: password is incorrect, or there is no user with such name`;
    throw new ServeException(403, 516, "AUTHENTICATION_FAILED", text);
  }
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

function credentialsOf(request: IncomingMessage, url: URL): Credentials {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (basic !== undefined) {
    const text = Buffer.from(basic, "base64").toString("utf8");
    const colon = text.indexOf(":");
    return { user: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  const header = (name: string): string | undefined => request.headers[name]?.toString();
  return {
    user: header("x-clickhouse-user") ?? url.searchParams.get("user") ?? "default",
    password: header("x-clickhouse-key") ?? url.searchParams.get("password") ?? "",
  };
}

/** Equal texts, in a time that does not tell how far they agree. */
function sameText(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** The summary's numbers are not known here; clients want the keys. */
const summary = JSON.stringify({
  read_rows: "0",
  read_bytes: "0",
  written_rows: "0",
  written_bytes: "0",
  total_rows_to_read: "0",
  result_rows: "0",
  result_bytes: "0",
  elapsed_ns: "0",
});

async function send(response: ServerResponse, statement: ServedStatement, result: StatementResult): Promise<void> {
  const source = result.chunks[Symbol.asyncIterator]();
  try {
    // A statement that fails at once shall fail with a status: the first chunk comes before the head.
    const first = await source.next();
    response.setHeader("Content-Type", contentType(result.format));
    response.setHeader("X-ClickHouse-Query-Id", statement.queryId);
    response.setHeader("X-ClickHouse-Format", result.format);
    response.setHeader("X-ClickHouse-Timezone", "UTC");
    response.setHeader("X-ClickHouse-Server-Display-Name", "barkeep");
    response.setHeader("X-ClickHouse-Summary", summary);
    if (first.done === true) {
      response.end();
      return;
    }
    const bytes = Readable.from(chain(first.value, source), { objectMode: false });
    if (statement.acceptsGzip) {
      response.setHeader("Content-Encoding", "gzip");
      await pipeline(bytes, createGzip({ level: 1 }), response);
    } else {
      await pipeline(bytes, response);
    }
  } finally {
    // Whatever ended this, the engine's cursor is closed.
    await source.return?.();
  }
}

async function* chain(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

function contentType(format: string): string {
  if (/^JSON.*EachRow/.test(format)) return "application/x-ndjson; charset=UTF-8";
  if (format.startsWith("JSON")) return "application/json; charset=UTF-8";
  if (/^(TSV|TabSeparated)/.test(format)) return "text/tab-separated-values; charset=UTF-8";
  if (format.startsWith("CSV")) return "text/csv; charset=UTF-8";
  return "application/octet-stream";
}

/** With the head sent, cutting the connection is all that tells the client that the answer is not whole. */
function fail(response: ServerResponse, exception: ServeException): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.statusCode = exception.status;
  response.setHeader("Content-Type", "text/plain; charset=UTF-8");
  response.setHeader("X-ClickHouse-Exception-Code", String(exception.code));
  response.end(`${exception.message}\n`);
}
