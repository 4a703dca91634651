import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";

/** What a path does instead of answering well; `times` faults, then the file. */
export interface Fault {
  readonly kind: "status" | "truncate" | "reset" | "wrong-bytes" | "wrong-length" | "slow";
  readonly status?: number;
  readonly retryAfter?: string;
  times: number;
}

/** An HTTP server of an archive folder with faults by path; a real one, on loopback. */
export class ArchiveServer implements AsyncDisposable {
  readonly requests: { readonly method: string; readonly path: string; readonly atMs: number }[] = [];
  readonly faults = new Map<string, Fault>();
  /** Requests of these methods are taken and not answered. */
  readonly silentMethods = new Set<string>();
  /** A GET of a path that ends so is answered when the promise is kept. */
  readonly holds = new Map<string, Promise<void>>();
  /** What every HEAD is answered with instead. */
  headStatus: number | undefined;
  /** Bodies are compressed: for who accepts it, or for everyone. */
  compresses: "never" | "if-accepted" | "always" = "never";
  /** Every GET is answered so much later. */
  delayMs = 0;
  readonly #server;
  #base = "";

  constructor(root: string) {
    this.#server = createServer((request, response) => {
      const path = (request.url ?? "/").slice(1);
      const method = request.method ?? "GET";
      this.requests.push({ method, path, atMs: Date.now() });
      if (this.silentMethods.has(method)) return;
      const accepted = request.headers["accept-encoding"]?.includes("gzip") === true;
      const compress = this.compresses === "always" || (this.compresses === "if-accepted" && accepted);
      if (compress) response.setHeader("content-encoding", "gzip");
      const hold = method === "GET" ? [...this.holds].find(([end]) => path.endsWith(end))?.[1] : undefined;
      const read = async (): Promise<Buffer> => {
        await hold;
        if (this.delayMs > 0 && method === "GET") await delay(this.delayMs);
        return readFile(join(root, path));
      };
      read().then(
        (bytes) => this.#answer(method, path, compress ? gzipSync(bytes) : bytes, response),
        () => this.#answer(method, path, undefined, response),
      );
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    this.#base = `http://127.0.0.1:${address.port}`;
    return this.#base;
  }

  /** Asked for a file whose path ends so. */
  requestsFor(end: string, method = "GET"): number {
    return this.requests.filter((request) => request.method === method && request.path.endsWith(end)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(method: string, path: string, bytes: Buffer | undefined, response: ServerResponse): void {
    const found = [...this.faults].find(([end]) => path.endsWith(end))?.[1];
    if (found !== undefined && found.times > 0 && method === "GET") {
      found.times -= 1;
      this.#fail(found, bytes ?? Buffer.alloc(0), response);
      return;
    }
    if (method === "HEAD" && this.headStatus !== undefined) {
      response.writeHead(this.headStatus).end();
      return;
    }
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-length": bytes.length });
    response.end(method === "HEAD" ? undefined : bytes);
  }

  #fail(fault: Fault, bytes: Buffer, response: ServerResponse): void {
    switch (fault.kind) {
      case "status":
        response.writeHead(
          fault.status ?? 503,
          fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter },
        );
        response.end();
        return;
      case "truncate":
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
        return;
      case "reset":
        response.destroy();
        return;
      case "wrong-bytes":
        response.writeHead(200, { "content-length": bytes.length }).end(Buffer.from(bytes).fill(0, 40, 80));
        return;
      case "wrong-length":
        response.writeHead(200, { "content-length": bytes.length + 7 });
        response.write(bytes, () => response.destroy());
        return;
      case "slow": {
        response.writeHead(200, { "content-length": bytes.length });
        let sent = 0;
        const drip = setInterval(() => {
          response.write(bytes.subarray(sent, sent + 4096));
          sent += 4096;
          if (sent >= bytes.length) {
            clearInterval(drip);
            response.end();
          }
        }, 2);
      }
    }
  }
}
