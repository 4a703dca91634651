import { z } from "zod";
import type { Settings } from "../config/index.ts";
import { findStore, storeCandidates, type StoreCandidate, type TriedCandidate } from "../config/index.ts";
import { SshHost, sshHostDefaults } from "../hosts/ssh-host.ts";
import { resolveWay } from "../hosts/ssh-target.ts";
import { Tunnel } from "../hosts/index.ts";
import { Failure } from "../model/errors.ts";

const answerTimeoutMs = 8_000;

/** A server that answered. */
export interface FoundServer {
  /** Its version. */
  readonly version: string;
  /** Of barkeep's tables there; 0 where there are none yet. */
  readonly schema: number;
}

/** What was tried, the last one with success. */
export interface StoreSearch {
  readonly tried: readonly TriedCandidate[];
  readonly found: FoundServer;
}

type Credentials = Pick<Settings, "storeUser" | "storePassword">;

/**
 * Looks for the ClickHouse server where the settings say, in their order, and asks it. Changes nothing.
 * @throws UnavailableError NO_STORE naming every place and its problem; ConfigurationError BAD_SETTING
 */
export async function searchStore(settings: Settings): Promise<StoreSearch> {
  const { storeMode: mode, storeUrl, storeHosts: hosts, storePrimary: primary, sshConfigFile } = settings;
  let found: FoundServer | undefined;
  const tried = await findStore(storeCandidates({ mode, storeUrl, hosts, primary }), async (candidate) => {
    try {
      found = await ask(candidate, sshConfigFile, settings);
      return undefined;
    } catch (error) {
      return error instanceof Failure || error instanceof Error ? error.message : String(error);
    }
  });
  if (found === undefined) throw new Error("a store was found and nothing asked it");
  return { tried, found };
}

async function ask(
  candidate: StoreCandidate,
  sshConfigFile: string | undefined,
  credentials: Credentials,
): Promise<FoundServer> {
  switch (candidate.kind) {
    case "server":
      return askServer(candidate.url, credentials);
    case "direct": {
      const way = await resolveWay(candidate.sshAlias, sshConfigFile);
      return askServer(`http://${way.at(-1)?.host ?? candidate.sshAlias}:${candidate.port}`, credentials);
    }
    case "tunnel": {
      const options = { ...sshHostDefaults, configFile: sshConfigFile, attempts: 1 };
      await using host = new SshHost(candidate.sshAlias, candidate.sshAlias, options);
      // Connected first, so that what is wrong with SSH is said in its own words.
      await host.identify();
      await using tunnel = await Tunnel.open(host, { host: "localhost", port: candidate.port });
      try {
        return await askServer(`http://127.0.0.1:${tunnel.port}`, credentials);
      } catch (error) {
        throw tunnel.lastFailure ?? error;
      }
    }
    default:
      return candidate satisfies never;
  }
}

const versionQuery = "SELECT version() FORMAT TSV";
const tablesQuery =
  "SELECT count() FROM system.tables WHERE database = 'barkeep' AND name = 'schema_migrations' FORMAT TSV";
const schemaQuery = "SELECT max(version) FROM barkeep.schema_migrations FORMAT TSV";

/** An open port proves nothing: the server has to answer as ClickHouse does. */
async function askServer(url: string, credentials: Credentials): Promise<FoundServer> {
  const version = await query(url, versionQuery, credentials);
  if (!/^\d+\.\d+/.test(version)) throw new Error("something else than ClickHouse answers");
  const hasTables = (await query(url, tablesQuery, credentials)) !== "0";
  return { version, schema: hasTables ? z.coerce.number().parse(await query(url, schemaQuery, credentials)) : 0 };
}

async function query(url: string, text: string, { storeUser, storePassword }: Credentials): Promise<string> {
  const headers = {
    ...(storeUser === undefined ? {} : { "x-clickhouse-user": storeUser }),
    ...(storePassword === undefined ? {} : { "x-clickhouse-key": storePassword }),
  };
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", body: text, headers, signal: AbortSignal.timeout(answerTimeoutMs) });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new Error(cause instanceof Error ? cause.message : String(cause), { cause: error });
  }
  const body = (await response.text()).trim();
  if (response.ok) return body;
  throw new Error(
    response.status === 403 || response.status === 401 ? "it refuses this user and password" : body.slice(0, 200),
  );
}
