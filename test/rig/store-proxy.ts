import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";

/**
 * How a store fails: it takes requests and is silent, drops the connection, ends its answer early, a proxy answers for it, or
 * another program that finds everything well.
 */
export type StoreFault = "silent" | "reset" | "cut" | "bad-gateway" | "stranger";

/** A store's HTTP address that passes requests on until it is told to fail. */
export class StoreProxy implements AsyncDisposable {
  /** Requests since the start or the last `fail`. */
  seen = 0;
  #fault: StoreFault | undefined;
  #passing = Number.POSITIVE_INFINITY;
  readonly #target: string;
  readonly #server = createServer((incoming, response) => this.#answer(incoming, response));

  constructor(target: string) {
    this.#target = target;
  }

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    return `http://127.0.0.1:${address.port}`;
  }

  /** Fails from now on. @param behind so many requests still get their answer */
  fail(fault: StoreFault, behind: number): void {
    this.seen = 0;
    this.#fault = fault;
    this.#passing = behind;
  }

  heal(): void {
    this.seen = 0;
    this.#fault = undefined;
    this.#passing = Number.POSITIVE_INFINITY;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    this.seen += 1;
    const fault = this.seen > this.#passing ? this.#fault : undefined;
    switch (fault) {
      case "silent":
        incoming.resume();
        return;
      case "reset":
        response.destroy();
        return;
      case "bad-gateway":
        incoming.resume();
        response.writeHead(502, { "content-type": "text/html" }).end("<html><body>502 Bad Gateway</body></html>");
        return;
      case "stranger":
        incoming.resume();
        response.writeHead(200, { "content-type": "text/html" }).end("<html><body>It works!</body></html>\n");
        return;
      case "cut":
      case undefined:
        this.#pass(incoming, response, fault === "cut");
    }
  }

  #pass(incoming: IncomingMessage, response: ServerResponse, isCut: boolean): void {
    const { method, headers, url } = incoming;
    const outgoing = request(new URL(url ?? "/", this.#target), { method, headers }, (answer) => {
      // One without a body would be whole with its head, and nothing of it could be cut.
      if (isCut) delete answer.headers["content-length"];
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      if (!isCut) answer.pipe(response);
      // The head has arrived, and of the body nothing more than its beginning will.
      else answer.once("readable", () => response.write("x", () => response.destroy()));
    });
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}
