import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Below those that a system gives to connections and to servers that name none: nobody gets one of these by chance. */
const ports = { first: 20_000, count: 10_000 };

/** Of this process's tests; who was given one may not listen yet. */
const given = new Set<number>();

/** A port of loopback on which nobody listens, and which stays free. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = ports.first + Math.floor(Math.random() * ports.count);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** Does somebody listen on a port of loopback? */
export async function isPortTaken(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
