import { ConfigurationError } from "../../model/errors.ts";
import { ownerFile } from "../embedded/owner.ts";
import { OwnedStore } from "../embedded/owned-store.ts";
import { fixedRoute } from "../route.ts";
import { migrate } from "../schema/migrate.ts";
import { Store } from "../store.ts";
import type { ServedAddress } from "./server.ts";

/** An embedded store that this process owns and serves. */
export interface ServedStore {
  readonly address: ServedAddress;
  /** Where the address and the password stand for others on this machine (0600). */
  readonly ownerFile: string;
  close(): Promise<void>;
}

/**
 * Opens the state directory's engine, brings its schema up to date and serves it on 127.0.0.1. Waits for no other owner: the
 * commands that work through that one do not need this one.
 * @param port 0 for any free one
 * @param note told, at the end, when others use the store
 * @throws what OwnedStore.open and migrate throw, ConfigurationError PORT_TAKEN
 */
export async function serveStore(
  stateDirectory: string,
  port: number,
  note: (line: string) => void,
): Promise<ServedStore> {
  const own = await OwnedStore.open(stateDirectory);
  try {
    await migrate(new Store(stateDirectory, fixedRoute(own.clients, own.engine)));
    const address = await own.serve(port);
    return { address, ownerFile: ownerFile(stateDirectory), close: async () => own.close(note) };
  } catch (error) {
    await own.close(note);
    throw portError(error, port);
  }
}

function portError(error: unknown, port: number): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "EADDRINUSE" && code !== "EACCES") return error;
  return new ConfigurationError(`port ${port} on 127.0.0.1 cannot be had (${code})`, {
    code: "PORT_TAKEN",
    subject: `127.0.0.1:${port}`,
    hint: "name another one with --port, or leave it out for any free one",
    cause: error,
  });
}
