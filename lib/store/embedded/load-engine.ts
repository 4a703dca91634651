import { ConfigurationError } from "../../model/errors.ts";
import type { Engine } from "./engine.ts";

/**
 * The engine's code, loaded by who opens an embedded store and by nobody else: it is half a gigabyte, and a host that works with a
 * server may have none.
 * @throws ConfigurationError NO_ENGINE
 */
export async function loadEngine(): Promise<typeof Engine> {
  try {
    return (await import("./engine.ts")).Engine;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    throw new ConfigurationError("this release has no embedded engine", {
      code: "NO_ENGINE",
      hint: "name a ClickHouse server with CLICKHOUSE_URL",
      cause: error,
    });
  }
}
