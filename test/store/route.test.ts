import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { after, before, test } from "node:test";
import { z } from "zod";
import { RetryableError } from "../../lib/model/errors.ts";
import { serverClients, type Clients } from "../../lib/store/clients.ts";
import { closeClients, type Route } from "../../lib/store/route.ts";
import { Store } from "../../lib/store/store.ts";

/** Takes every request and cuts the connection, as a process does that dies of it. */
let cutting: Server;
let requests = 0;
let url = "";
/** Where nobody listens. */
let closedUrl = "";

before(async () => {
  cutting = createServer((socket) => {
    socket.once("data", () => {
      requests += 1;
      socket.destroy();
    });
    socket.on("error", () => undefined);
  });
  url = await listen(cutting);
  const gone = createServer();
  closedUrl = await listen(gone);
  gone.close();
  await once(gone, "close");
});
after(() => cutting.close());

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}

/** A route that finds another owner each time one is lost: these, one after the other, and the last for good. */
class ChangingRoute implements Route {
  readonly engine = undefined;
  readonly #urls: readonly string[];
  readonly #made: Clients[] = [];
  lost = 0;

  constructor(...urls: readonly string[]) {
    this.#urls = urls;
  }

  async clients(): Promise<Clients> {
    const made = (this.#made[this.lost] ??= serverClients({ url: this.#urls[this.lost] ?? this.#urls.at(-1) ?? "" }));
    return made;
  }

  hasLost(): boolean {
    this.lost += 1;
    return true;
  }

  async close(): Promise<void> {
    await Promise.all(this.#made.map(closeClients));
  }
}

function isAway(error: unknown): boolean {
  return error instanceof RetryableError && error.code === "STORE_AWAY";
}

/** How often a statement arrived before it failed. */
async function arrivals(run: (store: Store) => Promise<unknown>, ...urls: readonly string[]): Promise<number> {
  const route = new ChangingRoute(...urls);
  const store = new Store("here", route);
  requests = 0;
  try {
    await assert.rejects(run(store), isAway);
  } finally {
    await store.close();
  }
  return requests;
}

test("a query that ends every owner it reaches is given up at the third", async () => {
  assert.equal(await arrivals(async (store) => store.rows("SELECT 1", z.object({})), url), 3);
  assert.equal(await arrivals(async (store) => store.stream("SELECT 1", "Native").next(), url), 3);
  assert.equal(await arrivals(async (store) => store.command("DROP TABLE t"), url), 3);
});

test("an insert is sent again where nobody took it, and never where somebody may have", async () => {
  for (const urls of [[url], [closedUrl, closedUrl, url], [closedUrl, closedUrl, closedUrl, closedUrl, url]]) {
    assert.equal(await arrivals(async (store) => store.insertRows("t", [{ n: 1 }]), ...urls), 1);
    assert.equal(await arrivals(async (store) => store.insertNative("t", Buffer.of(1, 2)), ...urls), 1);
    assert.equal(await arrivals(async (store) => store.command("INSERT INTO t SELECT 1"), ...urls), 1);
  }
});
