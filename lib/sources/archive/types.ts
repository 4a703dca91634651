import type { Day } from "../../model/day.ts";
import type { UpstreamDataError } from "../../model/errors.ts";

/** A day's archive on this machine's disk, with the digest its checksum file promises. */
export interface DayFile {
  readonly kind: "file";
  readonly day: Day;
  readonly path: string;
  readonly name: string;
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly bytes: number;
}

/** What a day came to: its file, not published (a fact), or published but not usable. */
export type DayOutcome =
  | DayFile
  | { readonly kind: "missing"; readonly day: Day }
  | { readonly kind: "bad"; readonly day: Day; readonly error: UpstreamDataError };

/** Where one symbol's archives come from. */
export interface ArchiveSource {
  /** Brings the day's archive to this machine. @throws RetryableError when the place stays unreachable */
  fetchDay(day: Day, signal: AbortSignal): Promise<DayOutcome>;
  /**
   * To be called when reading a file has shown it to be damaged (CHECKSUM_MISMATCH, ZIP_CORRUPT, FILE_UNREADABLE): puts a
   * copy that is not what was published aside and brings the day once more.
   * @returns undefined where no better file can be had, and the reader's error stands: the file is as published, lies in a
   *   folder of the user's, or was brought again before
   */
  refetchDay(file: DayFile, signal: AbortSignal): Promise<DayOutcome | undefined>;
  /**
   * The digest that is published for a day, without fetching its archive; undefined where the day is not published.
   * @throws UpstreamDataError NO_CHECKSUM, BAD_CHECKSUM_FILE, RetryableError
   */
  digestOf(day: Day, signal: AbortSignal): Promise<string | undefined>;
  /** The published archive's size, or undefined where there is none. */
  sizeOf(day: Day, signal?: AbortSignal): Promise<number | undefined>;
  /**
   * The last published day, not after `yesterday`.
   * @throws UnavailableError NO_LAST_DAY where it cannot be found
   */
  lastPublished(yesterday: Day, signal?: AbortSignal): Promise<Day>;
  /** The first published day of [from, to]; undefined where there is none. */
  firstPublished(from: Day, to: Day, signal?: AbortSignal): Promise<Day | undefined>;
  /** The days of [from, to] that have to be fetched over the network before they can be read. */
  daysToFetch(from: Day, to: Day): Promise<number>;
  /** How many days may be fetched ahead of the one in use. */
  readonly prefetchDays: number;
}
