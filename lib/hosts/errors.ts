import { ConfigurationError, Failure, RetryableError } from "../model/errors.ts";

/** The connection is gone; whether the command ended, nobody can say. */
export function hostLost(host: string, cause?: unknown): RetryableError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new RetryableError(`the connection to ${host} was lost${why}`, {
    code: "HOST_LOST",
    subject: host,
    hint: "what had been started there may still run; the next command connects again",
    cause,
  });
}

/** No connection could be made. */
export function hostUnreachable(host: string, address: string, cause: unknown): RetryableError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RetryableError(`${host} (${address}) cannot be reached: ${why}`, {
    code: "HOST_UNREACHABLE",
    subject: host,
    hint: `see whether ssh reaches it; HostName and Port come from the SSH configuration`,
    cause,
  });
}

/** The account's shell does not do what a POSIX shell does. */
export function shellUnusable(host: string, output: string): ConfigurationError {
  return new ConfigurationError(`the login shell on ${host} does not run commands as a POSIX shell does`, {
    code: "HOST_SHELL",
    subject: host,
    hint: `give the account one that does, such as: chsh -s /bin/bash${output === "" ? "" : `; it said: ${output}`}`,
  });
}

export function folderMissing(host: string, folder: string): ConfigurationError {
  return new ConfigurationError(`there is no folder ${folder} on ${host}, or no permission to enter it`, {
    code: "HOST_NO_FOLDER",
    subject: host,
    hint: "make it, or correct `directory` in fleet.toml",
  });
}

/** Failures of ours as they are; anything else a connection says is its loss. */
export function asHostFailure(host: string, error: unknown): Failure {
  return error instanceof Failure ? error : hostLost(host, error);
}
