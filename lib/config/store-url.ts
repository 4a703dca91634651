import { ConfigurationError } from "../model/errors.ts";
import type { Environment, Layer } from "./environment.ts";

const defaultHost = "localhost";
const defaultPort = "8123";

export interface StoreUrl {
  readonly url: string;
  readonly layer: Layer;
  readonly name: string;
}

/**
 * The server's URL: `CLICKHOUSE_URL`, or one made of `CLICKHOUSE_HOST` and `CLICKHOUSE_PORT`. A layer is asked whole before
 * the next one, so that a host in the environment wins over a URL in the settings file.
 * @throws ConfigurationError BAD_SETTING on a URL that is not http(s)
 */
export function storeUrlOf(environment: Environment): StoreUrl | undefined {
  for (const { layer, values } of environment.layers) {
    const { CLICKHOUSE_URL: url, CLICKHOUSE_HOST: host, CLICKHOUSE_PORT: port } = values;
    if (url !== undefined) return { url: checked(url, "CLICKHOUSE_URL"), layer, name: "CLICKHOUSE_URL" };
    if (host === undefined && port === undefined) continue;
    const name = host === undefined ? "CLICKHOUSE_PORT" : "CLICKHOUSE_HOST";
    const isUrl = host?.includes("://") === true;
    const built = isUrl ? host : `http://${host ?? defaultHost}:${port ?? defaultPort}`;
    return { url: checked(built, name), layer, name };
  }
  return undefined;
}

function checked(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text.replace(/\/+$/, "");
  throw new ConfigurationError("the ClickHouse address is not an http(s) URL", {
    code: "BAD_SETTING",
    subject: name,
    hint: "write it as http://host:8123, or set CLICKHOUSE_HOST and CLICKHOUSE_PORT",
  });
}

/** A URL without the password that may stand in it. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.password === "") return text;
  url.password = "***";
  return url.href.replace(/\/$/, "");
}
