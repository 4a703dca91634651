import { ConfigurationError } from "../../model/errors.ts";
import { ownerFile } from "../embedded/owner.ts";
import { openEmbedded } from "../store.ts";
import { StoreServer, type ServedAddress } from "./server.ts";

/** An embedded store that this process owns and serves. */
export interface ServedStore {
  readonly address: ServedAddress;
  /** Where the address and the password stand for others on this machine (0600). */
  readonly ownerFile: string;
  close(): Promise<void>;
}

/**
 * Opens the state directory's engine, brings its schema up to date and serves it on 127.0.0.1.
 * @param port 0 for any free one
 * @throws what openEmbedded throws, ConfigurationError PORT_TAKEN
 */
export async function serveStore(stateDirectory: string, port: number): Promise<ServedStore> {
  const store = await openEmbedded(stateDirectory);
  if (store.engine === undefined) throw new TypeError("an embedded store has an engine");
  const server = new StoreServer(store.engine);
  try {
    const address = await server.start(port);
    return {
      address,
      ownerFile: ownerFile(stateDirectory),
      close: async () => {
        await server.stop();
        await store.engine?.settled();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
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
