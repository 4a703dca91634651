import { embeddedClients } from "../../lib/store/clients.ts";
import { Engine } from "../../lib/store/embedded/engine.ts";
import { fixedRoute } from "../../lib/store/route.ts";
import { Store } from "../../lib/store/store.ts";

/** The embedded engine of a state directory without a schema. */
export async function openBare(state: string): Promise<Store> {
  const engine = await Engine.open(state);
  return new Store(state, fixedRoute(await embeddedClients(engine), engine));
}
