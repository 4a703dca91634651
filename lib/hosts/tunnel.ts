import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import type { Failure } from "../model/errors.ts";
import { asHostFailure } from "./errors.ts";
import type { Endpoint, Host } from "./host.ts";

/**
 * A port of this machine's loopback that leads to a port as the host sees it. It outlives the host's connection: what is open is
 * cut with it, and the next one connects again. Any program can use it, and so can any account of this machine: what listens at
 * its end must ask for a password.
 */
export class Tunnel implements AsyncDisposable {
  readonly port: number;
  /** Why the last connection through it could not be made: its user sees no more than a cut one. */
  lastFailure: Failure | undefined;
  readonly #server: Server;
  readonly #host: Host;
  readonly #endpoint: Endpoint;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number, host: Host, endpoint: Endpoint) {
    this.#server = server;
    this.port = port;
    this.#host = host;
    this.#endpoint = endpoint;
    server.on("connection", (socket) => void this.#carry(socket));
  }

  /** Listens; the host is not asked before somebody connects. */
  static async open(host: Host, endpoint: Endpoint): Promise<Tunnel> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new TypeError("a TCP server without a port");
    return new Tunnel(server, address.port, host, endpoint);
  }

  /** Cuts what is open. The host's connection stays. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #carry(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    try {
      const far = await this.#host.connect(this.#endpoint);
      this.lastFailure = undefined;
      // Each direction ends on its own; an error of one cuts both.
      await Promise.all([pipeline(socket, far), pipeline(far, socket)]);
    } catch (error) {
      this.lastFailure = asHostFailure(this.#host.name, error);
      socket.resetAndDestroy();
    }
  }
}
