import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join, normalize } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What one answer does instead of sending the file. */
export type Fault =
  /** A status without a body; headers such as `Retry-After` beside it. */
  | { readonly kind: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The right body, a few bytes at a time. */
  | { readonly kind: "slow"; readonly chunkBytes: number; readonly everyMs: number }
  /** Headers and some bytes, then silence with the connection open. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** The right Content-Length, some bytes, then the connection is closed. */
  | { readonly kind: "truncate"; readonly afterBytes: number }
  /** No Content-Length, some bytes, a regular end: only the checksum can tell. */
  | { readonly kind: "short"; readonly afterBytes: number }
  /** A Content-Length that is less than the body. */
  | { readonly kind: "length"; readonly declared: number }
  /** Another body. */
  | { readonly kind: "body"; readonly bytes: Uint8Array | string }
  /** TCP reset behind some bytes; behind none, before the headers. */
  | { readonly kind: "reset"; readonly afterBytes: number };

export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  /** Milliseconds of `performance.now()` at its arrival. */
  readonly atMs: number;
  readonly headers: IncomingMessage["headers"];
}

/** A real HTTP server of an archive, with faults on order. */
export class ArchiveServer {
  /** Every request so far, in the order of arrival. */
  readonly requests: LoggedRequest[] = [];
  readonly #root: string;
  readonly #faults = new Map<string, Fault[]>();
  readonly #server = createServer((request, response) => {
    void this.#answer(request, response);
  });

  private constructor(root: string) {
    this.#root = root;
  }

  /** Serves the folder that holds `data/` on a free port of the loopback. */
  static async start(root: string): Promise<ArchiveServer> {
    const server = new ArchiveServer(root);
    await new Promise<void>((done) => server.#server.listen(0, "127.0.0.1", done));
    return server;
  }

  /** Base URL without a slash at its end: what `--archive` takes. */
  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new TypeError("the server is closed");
    return `http://127.0.0.1:${address.port}`;
  }

  /**
   * Orders faults for a path (`MadeDay.url`, or that and `.CHECKSUM`); each answers one GET, in order, and then the path is
   * well again. HEAD is not affected unless a status fault is next.
   */
  fault(path: string, ...faults: readonly Fault[]): void {
    this.#faults.set(path, [...(this.#faults.get(path) ?? []), ...faults]);
  }

  /** The same fault for this many GETs; for ever without a number. */
  faultTimes(path: string, fault: Fault, times = 1000): void {
    this.fault(path, ...Array.from({ length: times }, () => fault));
  }

  /** How often a path was asked for. */
  count(method: "GET" | "HEAD", path: string): number {
    return this.requests.filter((request) => request.method === method && request.path === path).length;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path } = new URL(request.url ?? "/", "http://archive");
    const method = request.method ?? "";
    this.requests.push({ method, path, atMs: performance.now(), headers: request.headers });
    const next = this.#faults.get(path)?.[0];
    if (next !== undefined && (method === "GET" || next.kind === "status")) {
      this.#faults.get(path)?.shift();
      await misbehave(next, this.#read(path) ?? Buffer.alloc(0), response);
      return;
    }
    const body = this.#read(path);
    if (body === undefined) {
      response.writeHead(404, { "content-length": "0" }).end();
      return;
    }
    response.writeHead(200, { "content-length": String(body.length) });
    response.end(method === "HEAD" ? undefined : body);
  }

  #read(path: string): Buffer | undefined {
    try {
      return readFileSync(join(this.#root, normalize(path)));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }
}

async function misbehave(fault: Fault, body: Buffer, response: ServerResponse): Promise<void> {
  const whole = { "content-length": String(body.length) };
  switch (fault.kind) {
    case "status":
      response.writeHead(fault.status, { "content-length": "0", ...fault.headers }).end();
      return;
    case "slow":
      response.writeHead(200, whole);
      for (let at = 0; at < body.length && !response.destroyed; at += fault.chunkBytes) {
        response.write(body.subarray(at, at + fault.chunkBytes));
        await sleep(fault.everyMs);
      }
      response.end();
      return;
    case "stall":
      response.writeHead(200, whole).flushHeaders();
      response.write(body.subarray(0, fault.afterBytes));
      return;
    case "truncate":
      response.writeHead(200, whole).flushHeaders();
      response.write(body.subarray(0, fault.afterBytes), () => response.destroy());
      return;
    case "short":
      response.writeHead(200).end(body.subarray(0, fault.afterBytes));
      return;
    case "length":
      response.writeHead(200, { "content-length": String(fault.declared), connection: "close" });
      response.end(body);
      return;
    case "body": {
      const other = Buffer.from(fault.bytes);
      response.writeHead(200, { "content-length": String(other.length) }).end(other);
      return;
    }
    case "reset":
      if (fault.afterBytes === 0) {
        response.socket?.resetAndDestroy();
        return;
      }
      response.writeHead(200, whole).flushHeaders();
      response.write(body.subarray(0, fault.afterBytes), () => response.socket?.resetAndDestroy());
  }
}
