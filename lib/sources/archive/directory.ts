import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseDay, type Day } from "../../model/day.ts";
import { ConfigurationError, UnavailableError, UpstreamDataError } from "../../model/errors.ts";
import type { Market } from "../../model/markets.ts";
import { archiveName, parseChecksum, symbolFolder } from "./layout.ts";
import type { ArchiveSource, DayOutcome } from "./types.ts";

const isAbsent = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

/** Archives that lie in a folder in the exchange's layout; they are read where they are. */
export class DirectorySource implements ArchiveSource {
  readonly prefetchDays = 1;
  readonly #folder: string;
  readonly #symbol: string;

  constructor(root: string, market: Market, symbol: string) {
    this.#folder = join(root, symbolFolder(market, symbol));
    this.#symbol = symbol;
  }

  /** None: a folder's archives are read where they lie. */
  async daysToFetch(): Promise<number> {
    return 0;
  }

  async fetchDay(day: Day): Promise<DayOutcome> {
    const name = archiveName(this.#symbol, day);
    const path = join(this.#folder, name);
    const bytes = await this.sizeOf(day);
    if (bytes === undefined) return { kind: "missing", day };
    try {
      return { kind: "file", day, path, name, sha256: await promisedDigest(path, name), bytes };
    } catch (error) {
      if (error instanceof UpstreamDataError) return { kind: "bad", day, error };
      throw error;
    }
  }

  async digestOf(day: Day): Promise<string | undefined> {
    const name = archiveName(this.#symbol, day);
    return (await this.sizeOf(day)) === undefined ? undefined : promisedDigest(join(this.#folder, name), name);
  }

  /** The file is the user's: it is neither moved nor had from anywhere else. */
  async refetchDay(): Promise<undefined> {
    return undefined;
  }

  async sizeOf(day: Day): Promise<number | undefined> {
    try {
      return (await stat(join(this.#folder, archiveName(this.#symbol, day)))).size;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  async lastPublished(yesterday: Day): Promise<Day> {
    const last = (await this.#days()).findLast((day) => day <= yesterday);
    if (last !== undefined) return last;
    throw new UnavailableError(`no daily archive of ${this.#symbol} was found`, {
      code: "NO_LAST_DAY",
      subject: this.#folder,
      hint: "check --archive and --market, or give --end-date",
    });
  }

  async firstPublished(from: Day, to: Day): Promise<Day | undefined> {
    return (await this.#days()).find((day) => day >= from && day <= to);
  }

  /** Every day that has a file, oldest first. */
  async #days(): Promise<Day[]> {
    const prefix = `${this.#symbol}-aggTrades-`;
    const names = await readdir(this.#folder).catch((error: unknown) => {
      if (isAbsent(error)) return [];
      throw error;
    });
    return names
      .filter((name) => name.startsWith(prefix) && name.endsWith(".zip"))
      .map((name) => dayOf(name.slice(prefix.length, -".zip".length)))
      .filter((day) => day !== undefined)
      .sort();
  }
}

async function promisedDigest(path: string, name: string): Promise<string> {
  try {
    return parseChecksum(await readFile(`${path}.CHECKSUM`, "utf8"), name);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    throw new UpstreamDataError("the archive has no .CHECKSUM file", {
      code: "NO_CHECKSUM",
      subject: path,
      hint: `put ${name}.CHECKSUM beside it`,
    });
  }
}

/** The day a name speaks of; undefined where it is none: such a file is not ours to judge. */
function dayOf(text: string): Day | undefined {
  try {
    return parseDay(text);
  } catch (error) {
    if (error instanceof ConfigurationError) return undefined;
    throw error;
  }
}
