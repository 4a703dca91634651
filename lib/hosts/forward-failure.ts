import { ConfigurationError, Failure, RetryableError } from "../model/errors.ts";
import { hostLost } from "./errors.ts";
import type { Endpoint } from "./host.ts";

/** The protocol's reasons for a channel that is not opened. */
const prohibited = 1;
const connectFailed = 2;

/** Why no connection could be made from a host: it may not, nobody listens there, or the host itself is gone. */
export function forwardFailure(name: string, { host, port }: Endpoint, error: unknown): Failure {
  if (error instanceof Failure) return error;
  const reason = error instanceof Error && "reason" in error ? error.reason : undefined;
  if (reason === prohibited) {
    return new ConfigurationError(`${name} does not allow tunnels`, {
      code: "FORWARD_PROHIBITED",
      subject: name,
      hint: "set AllowTcpForwarding yes in its sshd_config",
      cause: error,
    });
  }
  if (reason === connectFailed) return forwardRefused(name, { host, port }, error);
  return hostLost(name, error);
}

/** Nobody listens at that port, as seen from the host. */
export function forwardRefused(name: string, { host, port }: Endpoint, cause: unknown): RetryableError {
  return new RetryableError(`nothing answers at ${host}:${port} as seen from ${name}`, {
    code: "FORWARD_REFUSED",
    subject: name,
    hint: "start what should listen there, or correct store_url in fleet.toml",
    cause,
  });
}
