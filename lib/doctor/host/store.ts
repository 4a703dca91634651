import { request } from "node:http";
import { request as secureRequest } from "node:https";
import type { FleetHost } from "../../config/index.ts";
import { Tunnel, type Host } from "../../hosts/index.ts";
import { Failure } from "../../model/errors.ts";
import { failed, ok, skipped, unknown, type Finding } from "../finding.ts";

const name = "store from there";
const answerTimeoutMs = 10_000;
const defaultPorts: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/** Does ClickHouse answer at `store_url` as the host sees it? Asked through a tunnel: nothing needs to be installed there. */
export async function checkStoreFrom(host: Host, { storeUrl }: FleetHost): Promise<Finding> {
  if (storeUrl === undefined) return skipped(name, "this machine's own settings name the store");
  const fix = "start ClickHouse, let it listen there, or correct store_url in fleet.toml";
  const url = new URL(storeUrl);
  const endpoint = { host: url.hostname, port: Number(url.port) || (defaultPorts[url.protocol] ?? 0) };
  await using tunnel = await Tunnel.open(host, endpoint);
  try {
    const said = await ping(tunnel.port, url);
    // Another program's port is open too.
    return said.trim() === "Ok." ? ok(name, `${storeUrl} answers`) : failed(name, `${storeUrl} is not ClickHouse`, fix);
  } catch (error) {
    const reason = tunnel.lastFailure ?? error;
    if (reason instanceof Failure && reason.code === "FORWARD_REFUSED") return failed(name, reason.message, fix);
    if (reason instanceof Failure) return unknown(name, reason.message, reason.hint ?? fix);
    const why = reason instanceof Error ? reason.message : String(reason);
    return failed(name, `${storeUrl} gives no answer that ClickHouse would: ${why}`, fix);
  }
}

/** The body of `GET /ping`, which asks for no password. */
async function ping(port: number, url: URL): Promise<string> {
  const ask = url.protocol === "https:" ? secureRequest : request;
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port,
      path: "/ping",
      headers: { host: url.host },
      // The certificate is the far host's.
      servername: url.hostname,
      signal: AbortSignal.timeout(answerTimeoutMs),
    };
    ask(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response
        .on("data", (chunk: string) => (text += chunk))
        .on("end", () => resolve(text))
        .on("error", reject);
    })
      .on("error", reject)
      .end();
  });
}
