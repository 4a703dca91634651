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

/** What a command's failure stands for. */
export function pueueFailure(host: string, outcome: ExecOutcome): Failure {
  if (outcome.code === shellNotFound) return pueueMissing(host);
  // pueue has one exit code for everything.
  if (/connecting to daemon|secret file|Failed to initialize/.test(outcome.stderr)) return pueueAway(host, outcome);
  return new UnavailableError(`pueue on ${host} refused: ${wordsOf(outcome)}`, {
    code: "PUEUE_FAILED",
    subject: host,
    hint: "these are pueue's own words; jobs before this one are queued, and are not queued twice when you ask again",
  });
}

function pueueAway(host: string, outcome: ExecOutcome): UnavailableError {
  return new UnavailableError(`pueue on ${host} does not work: ${wordsOf(outcome)}`, {
    code: "PUEUE_AWAY",
    subject: host,
    hint: `start its daemon: barkeep services install pueued --host ${host}; or there: pueued --daemonize`,
  });
}

/** Without its colours, numbering and backtrace. */
function wordsOf({ stderr, stdout }: ExecOutcome): string {
  const [text = ""] = stripVTControlCharacters(stderr.trim() || stdout.trim()).split("\nLocation:");
  const words = text
    .replace(/^\s*\d+: /gm, "")
    .replace(/\s+/g, " ")
    .slice(0, 300)
    .trim();
  return words || "it said nothing";
}

function pueueMissing(host: string): ConfigurationError {
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
