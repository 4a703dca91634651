import { Store } from "../../lib/store/store.ts";
import { embeddedClients, serverClients } from "../../lib/store/clients.ts";
import { Engine } from "../../lib/store/embedded/engine.ts";
import { fixedRoute } from "../../lib/store/route.ts";
import { migrate } from "../../lib/store/schema/migrate.ts";
import { withSynthetic } from "./synthetic-migration.ts";

/**
 * A program of the release to come: `migrate-child.ts <state directory>`, or with the server of CLICKHOUSE_URL, opens the store and
 * migrates it. KILL_AT makes it kill itself in front of its n-th statement, KILL_WITHIN so many ms after it sent that one. Rows go
 * in small blocks, so that a statement can be cut short.
 */
const killAt = Number(process.env["KILL_AT"] ?? Number.POSITIVE_INFINITY);
const killWithinMs = Number(process.env["KILL_WITHIN"] ?? 0);
const smallBlocks =
  "SETTINGS max_block_size = 64, min_insert_block_size_rows = 64, max_threads = 1, max_insert_threads = 1";

let statements = 0;

function step(): void {
  if (statements === killAt) {
    if (killWithinMs === 0) process.kill(process.pid, "SIGKILL");
    else setTimeout(() => process.kill(process.pid, "SIGKILL"), killWithinMs);
  }
  statements += 1;
}

class NextStore extends Store {
  override async command(sql: string): Promise<void> {
    step();
    await super.command(sql.startsWith("INSERT INTO barkeep.ranges") ? `${sql} ${smallBlocks}` : sql);
  }

  override async insertRows(...words: Parameters<Store["insertRows"]>): Promise<void> {
    step();
    await super.insertRows(...words);
  }
}

async function open(): Promise<Store> {
  const { CLICKHOUSE_URL: url, CLICKHOUSE_USER: user, CLICKHOUSE_PASSWORD: password } = process.env;
  if (url !== undefined) return new NextStore(url, fixedRoute(serverClients({ url, user, password })));
  const state = process.argv[2];
  if (state === undefined) throw new Error("no state directory was named");
  const engine = await Engine.open(state);
  return new NextStore(state, fixedRoute(await embeddedClients(engine), engine));
}

const store = await open();
await migrate(store, withSynthetic);
await store.close();
