import { stripVTControlCharacters } from "node:util";
import { ConfigurationError, Failure, UnavailableError } from "../../model/errors.ts";
import { shellNotFound, type ExecOutcome } from "../runner.ts";
import { parseStatus } from "./schema.ts";

const knownMajor = 4;

/** A line of its own between the two answers. */
export const versionScript = "pueue --version && pueue status --json";

/**
 * Reads the answer to `versionScript`.
 * @returns the version, `4.0.4`
 * @throws ConfigurationError PUEUE_MISSING, PUEUE_VERSION, PUEUE_SHAPE; UnavailableError PUEUE_AWAY
 */
export function readHandshake(outcome: ExecOutcome, host: string): string {
  if (outcome.code === shellNotFound) throw pueueMissing(host);
  const [first = "", ...rest] = outcome.stdout.split("\n");
  const version = /^pueue (\d+)\.(\d+\.\d+\S*)$/.exec(first.trim());
  if (version === null) throw wrongVersion(host, `says "${first.slice(0, 80)}"`);
  if (Number(version[1]) !== knownMajor) throw wrongVersion(host, `is ${version[1]}.${version[2]}`);
  if (outcome.code !== 0) throw pueueAway(host, outcome);
  try {
    parseStatus(rest.join("\n"), host);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new ConfigurationError(`pueue on ${host} calls itself ${first} and answers otherwise: ${error.message}`, {
      code: "PUEUE_SHAPE",
      subject: host,
      hint: "is another `pueue` first on the path there? `command -v pueue`; pueue and pueued must be of one version",
      cause: error,
    });
  }
  return `${version[1]}.${version[2]}`;
}

/** The client could not reach its daemon, or the daemon refused. */
export function pueueAway(host: string, { stderr, stdout }: ExecOutcome): UnavailableError {
  const text = stripVTControlCharacters(stderr.trim() || stdout.trim());
  const said = text.replace(/\s+/g, " ").slice(0, 300);
  return new UnavailableError(`pueue on ${host} does not work: ${said || "it said nothing"}`, {
    code: "PUEUE_AWAY",
    subject: host,
    hint: `start its daemon there: systemctl --user start pueued, or pueued --daemonize`,
  });
}

export function pueueMissing(host: string): ConfigurationError {
  return new ConfigurationError(`pueue is not installed on ${host}`, {
    code: "PUEUE_MISSING",
    subject: host,
    hint: 'cargo install pueue --version 4.0.4 --locked, there; or queue = "local" in the fleet, which needs nothing',
  });
}

function wrongVersion(host: string, what: string): ConfigurationError {
  return new ConfigurationError(`pueue on ${host} ${what}; barkeep works with pueue ${knownMajor}`, {
    code: "PUEUE_VERSION",
    subject: host,
    hint: "cargo install pueue --version 4.0.4 --locked, there; an older queue is not carried over: let it run empty first",
  });
}
