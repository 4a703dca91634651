import type { Response } from "undici";
import { addDays, daysInclusive, type Day } from "../../model/day.ts";
import { UnavailableError, UpstreamDataError } from "../../model/errors.ts";
import type { Market } from "../../model/markets.ts";
import { defaultRetryPolicy, HttpClient, TruncatedBodyError, type RetryPolicy } from "./http-client.ts";
import { archiveName, parseChecksum, symbolFolder } from "./layout.ts";
import type { Mirror, Received } from "./mirror.ts";
import type { ArchiveSource, DayFile, DayOutcome } from "./types.ts";

/** How far back from yesterday the last published day is looked for. */
const lastDayReach = 10;
/** How many days are asked about at once when the first published one is looked for. */
const probesAtOnce = 8;

/** Archives fetched over HTTP(S) into the local mirror. */
export class HttpSource implements ArchiveSource {
  readonly prefetchDays = 3;
  readonly #base: string;
  readonly #market: Market;
  readonly #symbol: string;
  readonly #mirror: Mirror;
  readonly #client: HttpClient;
  /** A day is brought again once: a disk that damages it each time must not be fed for ever. */
  readonly #refetched = new Set<Day>();

  constructor(base: string, market: Market, symbol: string, mirror: Mirror, policy: RetryPolicy = defaultRetryPolicy) {
    this.#base = `${base}/${symbolFolder(market, symbol)}`;
    this.#market = market;
    this.#symbol = symbol;
    this.#mirror = mirror;
    this.#client = new HttpClient(policy);
  }

  async daysToFetch(from: Day, to: Day): Promise<number> {
    const kept = await this.#mirror.daysKept(this.#market, this.#symbol);
    return daysInclusive(from, to).filter((day) => !kept.has(day)).length;
  }

  async fetchDay(day: Day, signal: AbortSignal): Promise<DayOutcome> {
    try {
      return await this.#fetchDay(day, signal);
    } catch (error) {
      if (error instanceof UpstreamDataError) return { kind: "bad", day, error };
      throw error;
    }
  }

  async refetchDay(file: DayFile, signal: AbortSignal): Promise<DayOutcome | undefined> {
    if (this.#refetched.has(file.day)) return undefined;
    this.#refetched.add(file.day);
    const isRejected = await this.#mirror.reject(file.path, file.name, file.sha256);
    return isRejected ? this.fetchDay(file.day, signal) : undefined;
  }

  async digestOf(day: Day, signal: AbortSignal): Promise<string | undefined> {
    return this.#promisedDigest(archiveName(this.#symbol, day), day, signal);
  }

  async sizeOf(day: Day, signal = new AbortController().signal): Promise<number | undefined> {
    return this.#client.ask("HEAD", this.#urlOf(day), signal, async (response) =>
      Number(response.headers.get("content-length") ?? 0),
    );
  }

  async lastPublished(yesterday: Day, signal?: AbortSignal): Promise<Day> {
    for (let back = 0; back < lastDayReach; back += 1) {
      const day = addDays(yesterday, -back);
      if ((await this.sizeOf(day, signal)) !== undefined) return day;
    }
    throw new UnavailableError(
      `no archive of ${this.#symbol} was published in the ${lastDayReach} days up to ${yesterday}`,
      {
        code: "NO_LAST_DAY",
        subject: this.#base,
        hint: "give --end-date",
      },
    );
  }

  async firstPublished(from: Day, to: Day, signal?: AbortSignal): Promise<Day | undefined> {
    const days = daysInclusive(from, to);
    for (let start = 0; start < days.length; start += probesAtOnce) {
      const probed = days.slice(start, start + probesAtOnce);
      const sizes = await Promise.all(probed.map(async (day) => this.sizeOf(day, signal)));
      const found = probed.find((_, i) => sizes[i] !== undefined);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #urlOf(day: Day): string {
    return `${this.#base}/${archiveName(this.#symbol, day)}`;
  }

  async #fetchDay(day: Day, signal: AbortSignal): Promise<DayOutcome> {
    // A pair that disagrees may be a revision caught half-published: both are fetched once more.
    const first = await this.#fetchPair(day, signal);
    const last = first instanceof UpstreamDataError ? await this.#fetchPair(day, signal) : first;
    if (last instanceof UpstreamDataError) throw last;
    return last;
  }

  /** Fetches a day's digest and, unless it is kept, its archive. @returns an error where the two disagree */
  async #fetchPair(day: Day, signal: AbortSignal): Promise<DayOutcome | UpstreamDataError> {
    const name = archiveName(this.#symbol, day);
    const sha256 = await this.#promisedDigest(name, day, signal);
    if (sha256 === undefined) return { kind: "missing", day };
    const path = this.#mirror.pathOf(this.#market, this.#symbol, day, sha256);
    const kept = await this.#mirror.take(path);
    if (kept !== undefined) return { kind: "file", day, path, name, sha256, bytes: kept };
    const received = await this.#client.ask("GET", this.#urlOf(day), signal, async (response) =>
      this.#mirror.receive(path, bodyOf(response)),
    );
    if (received === undefined) return { kind: "missing", day };
    if (received.sha256 !== sha256) {
      return mismatch(name, received, sha256, await this.#mirror.quarantine(received, name));
    }
    await this.#mirror.keep(received, path);
    return { kind: "file", day, path, name, sha256, bytes: received.bytes };
  }

  /** The published digest; undefined where the day is not published. */
  async #promisedDigest(name: string, day: Day, signal: AbortSignal): Promise<string | undefined> {
    const line = await this.#client.ask("GET", `${this.#urlOf(day)}.CHECKSUM`, signal, async (response) =>
      response.text(),
    );
    if (line !== undefined) return parseChecksum(line, name);
    if ((await this.sizeOf(day, signal)) === undefined) return undefined;
    throw new UpstreamDataError("the archive has no .CHECKSUM file", {
      code: "NO_CHECKSUM",
      subject: this.#urlOf(day),
      hint: "the exchange publishes one beside each archive; try again later",
    });
  }
}

function mismatch(name: string, received: Received, sha256: string, aside: string): UpstreamDataError {
  const text = `${name}: its SHA-256 is ${received.sha256}, its checksum file says ${sha256}, in two fetches`;
  return new UpstreamDataError(text, {
    code: "CHECKSUM_MISMATCH",
    subject: aside,
    hint: "the file was put aside; if another fetch gives the same, the exchange has published a bad pair",
  });
}

/** The body's bytes; fails where it ends before its declared length. */
async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  // Some servers compress unasked; the length is that of the compressed bytes then, and the digest has to do.
  const isEncoded = (response.headers.get("content-encoding") ?? "identity") !== "identity";
  const declared = isEncoded ? null : response.headers.get("content-length");
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("a response body yielded something that is not bytes");
    bytes += chunk.byteLength;
    yield chunk;
  }
  if (declared !== null && Number(declared) !== bytes) {
    throw new TruncatedBodyError(`the body ended after ${bytes} of ${declared} bytes`);
  }
}
