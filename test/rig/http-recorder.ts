import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

/** What arrived. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** An HTTP server on loopback that takes everything and keeps it. */
export class HttpRecorder implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  /** Statuses of the next answers, with their headers; 200 where there is none. */
  readonly answers: { readonly status: number; readonly headers?: Record<string, string> }[] = [];
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#record(request, response);
    });
  }

  async start(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no port");
    return `http://127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #record(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    const { method = "", headers } = request;
    this.requests.push({ method, path: pathname, query: searchParams, headers, body: await text(request) });
    const { status, headers: more } = this.answers.shift() ?? { status: 200 };
    response.writeHead(status, { connection: "close", ...more }).end();
  }
}
