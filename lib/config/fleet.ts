import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigurationError } from "../model/errors.ts";
import type { ServiceName } from "../model/services.ts";
import { fleetSchema, thisMachine, type QueueKind } from "./fleet-schema.ts";
import { describeProblems } from "./schema-problems.ts";
import { parseToml } from "./toml.ts";

/** A machine on which work may run. */
export interface FleetHost {
  readonly name: string;
  /** A Host of the SSH configuration; undefined for this machine. */
  readonly sshAlias: string | undefined;
  /** Absolute, there: releases, state, results. */
  readonly directory: string;
  readonly queue: QueueKind;
  /** What all jobs together may use. */
  readonly memoryMb: number;
  readonly jobsMax: number;
  /** The ClickHouse server as seen from there; undefined for the one that this machine's settings name. */
  readonly storeUrl: string | undefined;
  /** Thresholds it takes, dbps; undefined for every one. */
  readonly thresholds: readonly number[] | undefined;
  /** What `deploy` keeps running there beside the jobs. */
  readonly services: readonly ServiceName[];
}

/** The machines on which work may run. */
export interface Fleet {
  readonly file: string;
  readonly hosts: ReadonlyMap<string, FleetHost>;
}

const fileName = "fleet.toml";

/** The fleet file beside the registry, where there is one. */
export function fleetBeside(symbolsFile: string): string | undefined {
  const file = join(dirname(symbolsFile), fileName);
  return existsSync(file) ? file : undefined;
}

/**
 * Reads a fleet file.
 * @param file undefined where none is named and none stands beside the registry
 * @throws ConfigurationError NO_FLEET, FLEET_UNREADABLE, FLEET_SYNTAX (line and column), FLEET_INVALID (line and key of each
 * problem)
 */
export function loadFleet(file: string | undefined): Fleet {
  if (file === undefined) {
    throw new ConfigurationError("there is no fleet file", {
      code: "NO_FLEET",
      hint: "write fleet.toml beside symbols.toml (docs/fleet.md), or name one with --fleet FILE or BARKEEP_FLEET",
    });
  }
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigurationError("the fleet file cannot be read", {
      code: "FLEET_UNREADABLE",
      subject: file,
      hint: "name another one with --fleet FILE or BARKEEP_FLEET",
      cause,
    });
  }
  return parseFleet(text, file);
}

/** Parses a fleet file's text; `file` is for messages and for relative folders of this machine. @throws as {@link loadFleet} */
export function parseFleet(text: string, file: string): Fleet {
  const document = parseToml(text, file, "FLEET_SYNTAX");
  const parsed = fleetSchema.safeParse(document);
  if (!parsed.success) {
    const problems = describeProblems(parsed.error, document, text, file, "is not a key of a fleet file");
    throw new ConfigurationError(problems, {
      code: "FLEET_INVALID",
      subject: file,
      hint: "correct the file; docs/fleet.md lists the keys it may have",
    });
  }
  const hosts = Object.entries(parsed.data.hosts).map(([name, entry]): FleetHost => {
    const isHere = entry.ssh === thisMachine;
    return {
      name,
      sshAlias: isHere ? undefined : entry.ssh,
      directory: isHere ? resolve(dirname(file), entry.directory) : entry.directory,
      queue: entry.queue,
      memoryMb: entry.memory_mb,
      jobsMax: entry.jobs_max,
      storeUrl: entry.store_url,
      thresholds: entry.thresholds,
      services: entry.services ?? [],
    };
  });
  return { file, hosts: new Map(hosts.map((host) => [host.name, host])) };
}

/** One host by its name. @throws ConfigurationError UNKNOWN_HOST */
export function fleetHost(fleet: Fleet, name: string): FleetHost {
  const host = fleet.hosts.get(name);
  if (host !== undefined) return host;
  throw new ConfigurationError(`the fleet has no host "${name}"`, {
    code: "UNKNOWN_HOST",
    subject: fleet.file,
    hint: `it has ${[...fleet.hosts.keys()].join(", ") || "none"}; add [hosts.${name}], or name another file with --fleet`,
  });
}
