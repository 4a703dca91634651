import { Failure, ConfigurationError, UnavailableError } from "../model/errors.ts";
import { jsonDocument } from "./json.ts";

/** What a program says of an error: text for stderr, and under `--json` one document for stdout. */
export interface FailureReport {
  readonly text: string;
  readonly document: string;
}

/** Describes a failure of ours, or any other error as the bug it is. */
export function reportFailure(error: unknown): FailureReport {
  if (error instanceof Failure) {
    const { code, message, subject, hint } = error;
    // A message may have several lines, and its subject may already stand in it.
    const about = subject === undefined || message.includes(subject) ? [] : [`  about: ${subject}`];
    const todo = hint === undefined ? [] : [`  what to do: ${hint}`];
    return {
      text: [`barkeep: ${message}`, ...about, ...todo, `  (${code})`].join("\n"),
      document: jsonDocument({ error: { code, message, subject, hint } }),
    };
  }
  const stack = error instanceof Error ? describeWithCauses(error) : String(error);
  const message = error instanceof Error ? error.message : String(error);
  const hint = "this is a bug in barkeep: report it with the lines above";
  return {
    text: [`barkeep: internal error: ${stack}`, `  what to do: ${hint}`, "  (INTERNAL_ERROR)"].join("\n"),
    document: jsonDocument({ error: { code: "INTERNAL_ERROR", message, hint } }),
  };
}

function describeWithCauses(error: Error): string {
  const own = error.stack ?? `${error.name}: ${error.message}`;
  return error.cause instanceof Error ? `${own}\ncaused by: ${describeWithCauses(error.cause)}` : own;
}

/** What only a file system says; the error of a file that is open names no path. */
const diskFullCodes: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"]);

/** System errors that have one meaning where a path comes with them. */
const knownSystemErrors: Readonly<Record<string, (path: string, cause: Error) => Failure>> = {
  EACCES: (path, cause) => notAllowed(path, cause),
  EPERM: (path, cause) => notAllowed(path, cause),
  EROFS: (path, cause) => notAllowed(path, cause),
};

/** The failure that a system error stands for (a full disk, a folder without permission); anything else unchanged. */
export function explainError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Failure) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const path = "path" in error && typeof error.path === "string" ? error.path : undefined;
  if (diskFullCodes.has(code)) return diskFull(path, error);
  // Without a path it is no file that was refused, and this advice would mislead.
  return path === undefined ? error : (knownSystemErrors[code]?.(path, error) ?? error);
}

function diskFull(path: string | undefined, cause: Error): Failure {
  const hint = "free some space, or name another state directory with --state";
  const subject = path === undefined ? {} : { subject: path };
  return new UnavailableError("the disk is full", { code: "DISK_FULL", ...subject, hint, cause });
}

function notAllowed(path: string, cause: Error): Failure {
  const hint = "give this user permission, or name another directory with --state";
  const message = `no permission: ${cause.message}`;
  return new ConfigurationError(message, { code: "NO_PERMISSION", subject: path, hint, cause });
}
