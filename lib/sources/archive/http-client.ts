import { setTimeout as sleep } from "node:timers/promises";
import { EnvHttpProxyAgent, fetch, type Response } from "undici";
import { RetryableError } from "../../model/errors.ts";

/** How hard to try; tests shorten the waits. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
  /** A connection that sends nothing for this long is given up. */
  readonly stallMs: number;
  /** A longer wait that a server asks for is not slept through: whoever asked is told instead. */
  readonly longestWaitMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  attempts: 6,
  firstDelayMs: 500,
  maxDelayMs: 60_000,
  stallMs: 60_000,
  longestWaitMs: 600_000,
};

/** Archives are compressed already, and a body compressed on the way has another length than it declares. */
const headers = { "accept-encoding": "identity" };
/** The last instant a Date can name. */
const endOfTimeMs = 8.64e15;

/** The exchange's archive over HTTP: proxy variables honoured, one pool of connections. */
export class HttpClient {
  readonly #policy: RetryPolicy;
  readonly #agent: EnvHttpProxyAgent;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
    this.#agent = new EnvHttpProxyAgent({ headersTimeout: policy.stallMs, bodyTimeout: policy.stallMs });
  }

  /**
   * Asks until `use` has had a good answer. Network errors, 5xx, 429 and 418 are asked again after a random wait, at least as
   * long as `Retry-After` says, up to the policy's longest; 404 is an answer.
   * @param use reads the body; what it throws of the network's making counts as a network error
   * @throws RetryableError ARCHIVE_UNREACHABLE when every attempt failed, ARCHIVE_ASKS_TO_WAIT when `Retry-After` is
   *   longer, ARCHIVE_REFUSED for any other status
   */
  async ask<T>(
    method: "GET" | "HEAD",
    url: string,
    signal: AbortSignal,
    use: (response: Response) => Promise<T>,
  ): Promise<T | undefined> {
    let lastProblem: unknown;
    for (let attempt = 1; attempt <= this.#policy.attempts; attempt += 1) {
      let waitMs = 0;
      try {
        const response = await fetch(url, { method, signal, headers, dispatcher: this.#agent });
        if (response.ok) return await use(response);
        await response.body?.cancel();
        if (response.status === 404) return undefined;
        lastProblem = `HTTP ${response.status}`;
        if (![418, 429].includes(response.status) && response.status < 500) {
          throw new RetryableError(`the archive answered HTTP ${response.status}`, {
            code: "ARCHIVE_REFUSED",
            subject: url,
            hint: "check the base URL given with --archive",
          });
        }
        waitMs = retryAfterMs(response.headers.get("retry-after"));
        if (waitMs > this.#policy.longestWaitMs) throw asksToWait(response.status, url, waitMs);
      } catch (error) {
        if (signal.aborted || error instanceof RetryableError || !isNetworkError(error)) throw error;
        lastProblem = error;
      }
      if (attempt < this.#policy.attempts) await sleep(Math.max(waitMs, this.#jitter(attempt)), undefined, { signal });
    }
    const said = lastProblem instanceof Error ? describe(lastProblem) : String(lastProblem);
    throw new RetryableError(`the archive could not be reached in ${this.#policy.attempts} attempts: ${said}`, {
      code: "ARCHIVE_UNREACHABLE",
      subject: url,
      hint: "check the network and proxy settings, then run the same command again: it goes on where it stopped",
      ...(lastProblem instanceof Error ? { cause: lastProblem } : {}),
    });
  }

  /** A random share of a bound that doubles: clients that failed together do not come back together. */
  #jitter(attempt: number): number {
    return Math.random() * Math.min(this.#policy.maxDelayMs, this.#policy.firstDelayMs * 2 ** (attempt - 1));
  }
}

function asksToWait(status: number, url: string, waitMs: number): RetryableError {
  const until = new Date(Math.min(Date.now() + waitMs, endOfTimeMs)).toISOString();
  return new RetryableError(`the archive answered HTTP ${status} and asks to be left alone until ${until}`, {
    code: "ARCHIVE_ASKS_TO_WAIT",
    subject: url,
    hint: "run the same command again after that: it goes on where it stopped",
  });
}

function describe(error: Error): string {
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

/** A body that came short of its Content-Length. */
export class TruncatedBodyError extends Error {}

function isNetworkError(error: unknown): boolean {
  if (error instanceof TruncatedBodyError) return true;
  // fetch reports every network fault, also within a body, as a TypeError with the cause inside.
  return error instanceof TypeError && error.cause !== undefined;
}

/** Seconds or an HTTP date; 0 where the header is absent or makes no sense. */
export function retryAfterMs(header: string | null, nowMs = Date.now()): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - nowMs);
}
