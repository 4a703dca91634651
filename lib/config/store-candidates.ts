import { ConfigurationError, UnavailableError } from "../model/errors.ts";

export const storeModes = ["auto", "local", "remote", "cloud"] as const;
/** Where the store is looked for. */
export type StoreMode = (typeof storeModes)[number];

/** A place where the store may be. */
export type StoreCandidate =
  /** A server at an address. */
  | { readonly kind: "server"; readonly url: string }
  /** The address that the SSH configuration has for a host, ClickHouse's port open to us. */
  | { readonly kind: "direct"; readonly sshAlias: string; readonly port: number }
  /** A server on the host's own loopback, through SSH. */
  | { readonly kind: "tunnel"; readonly sshAlias: string; readonly port: number };

/** The settings that say where to look. */
export interface StoreSearch {
  readonly mode: StoreMode;
  /** `CLICKHOUSE_URL`, or host and port. */
  readonly storeUrl: string | undefined;
  /** SSH aliases in order. */
  readonly hosts: readonly string[];
  /** The alias that is tried first; it need not be among the others. */
  readonly primary: string | undefined;
}

const clickHousePort = 8123;
const thisMachine: StoreCandidate = { kind: "server", url: `http://localhost:${clickHousePort}` };

/**
 * The places to try, in order. `local`: this machine alone. `cloud`: the named server alone. `remote`: never this machine, each
 * host directly, then by tunnel, the primary first. `auto`: the named server, else this machine, then as `remote`.
 * @throws ConfigurationError BAD_SETTING where a mode needs a setting that is not there
 */
export function storeCandidates({ mode, storeUrl, hosts, primary }: StoreSearch): readonly StoreCandidate[] {
  const named: StoreCandidate | undefined = storeUrl === undefined ? undefined : { kind: "server", url: storeUrl };
  const aliases = [...new Set([...(primary === undefined ? [] : [primary]), ...hosts])];
  const remote = aliases.flatMap((sshAlias): StoreCandidate[] => [
    { kind: "direct", sshAlias, port: clickHousePort },
    { kind: "tunnel", sshAlias, port: clickHousePort },
  ]);
  switch (mode) {
    case "local":
      return [thisMachine];
    case "cloud":
      if (named === undefined) throw missing(mode, "CLICKHOUSE_HOST", "or CLICKHOUSE_URL");
      return [named];
    case "remote":
      if (remote.length === 0) throw missing(mode, "RANGEBAR_CH_HOSTS", "or RANGEBAR_CH_PRIMARY, to SSH aliases");
      return remote;
    case "auto":
      return [named ?? thisMachine, ...remote];
    default:
      return mode satisfies never;
  }
}

/** A place that was tried, and what came of it; `undefined` where the store answered. */
export interface TriedCandidate {
  readonly candidate: StoreCandidate;
  readonly problem: string | undefined;
}

/**
 * Tries the places in order until one answers.
 * @param probe asks a place for the store itself (an open port proves nothing): what is wrong, or undefined
 * @returns every place tried; the last one is where the store is
 * @throws UnavailableError NO_STORE naming every place and its problem
 */
export async function findStore(
  candidates: readonly StoreCandidate[],
  probe: (candidate: StoreCandidate) => Promise<string | undefined>,
): Promise<readonly TriedCandidate[]> {
  const tried: TriedCandidate[] = [];
  for (const candidate of candidates) {
    const problem = await probe(candidate);
    tried.push({ candidate, problem });
    if (problem === undefined) return tried;
  }
  const lines = tried.map(({ candidate, problem }) => `  ${describeCandidate(candidate)}: ${problem}`);
  throw new UnavailableError(["no store answers; tried", ...lines].join("\n"), {
    code: "NO_STORE",
    hint: "start ClickHouse in one of these places, or correct RANGEBAR_MODE, RANGEBAR_CH_HOSTS and CLICKHOUSE_URL",
  });
}

/** `http://localhost:8123`, `bigbox, port 8123` or `bigbox through SSH, port 8123`. */
export function describeCandidate(candidate: StoreCandidate): string {
  switch (candidate.kind) {
    case "server":
      return candidate.url;
    case "direct":
      return `${candidate.sshAlias}, port ${candidate.port}`;
    case "tunnel":
      return `${candidate.sshAlias} through SSH, port ${candidate.port}`;
    default:
      return candidate satisfies never;
  }
}

function missing(mode: StoreMode, name: string, more: string): ConfigurationError {
  return new ConfigurationError(`RANGEBAR_MODE=${mode} needs ${name}`, {
    code: "BAD_SETTING",
    subject: name,
    hint: `set ${name} ${more}, or another RANGEBAR_MODE: ${storeModes.join(", ")}`,
  });
}
