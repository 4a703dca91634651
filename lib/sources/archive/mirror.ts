import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { ensureFolder } from "../../files/folders.ts";
import type { Day } from "../../model/day.ts";
import { UnavailableError } from "../../model/errors.ts";
import type { Market } from "../../model/markets.ts";

const temporarySuffix = ".part";
const quarantineFolder = "quarantine";
const digestDigits = 16;
/** A temporary file whose process cannot be asked after is left for this long. */
const abandonedMs = 86_400_000;

/**
 * Archives fetched once and kept: `<root>/<market>/<symbol>/<symbol>-aggTrades-<day>.<digest>.zip`. A file is complete and
 * durable before it has its name, and is never written again; two revisions of a day stand side by side.
 */
export class Mirror {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Where a revision of a day lies or will lie. */
  pathOf(market: Market, symbol: string, day: Day, sha256: string): string {
    return join(this.root, market, symbol, `${symbol}-aggTrades-${day}.${sha256.slice(0, digestDigits)}.zip`);
  }

  /** The days of a symbol of which some revision is kept. */
  async daysKept(market: Market, symbol: string): Promise<ReadonlySet<string>> {
    const folder = join(this.root, market, symbol);
    const names = existsSync(folder) ? await readdir(folder) : [];
    const start = `${symbol}-aggTrades-`;
    return new Set(
      names.filter((name) => name.startsWith(start)).map((name) => name.slice(start.length, start.length + 10)),
    );
  }

  /**
   * The size of a revision that is kept, or undefined. Its file's time becomes now: `mirror gc` takes the longest unused
   * first, and leaves alone what a run has just chosen.
   */
  async take(path: string): Promise<number | undefined> {
    try {
      const now = new Date();
      await utimes(path, now, now);
      return (await stat(path)).size;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** Streams bytes into a temporary file while hashing them. @throws UnavailableError DISK_FULL */
  async receive(target: string, body: AsyncIterable<Uint8Array>): Promise<Received> {
    ensureFolder(dirname(target));
    const temporary = join(dirname(target), temporaryName());
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      const file = await open(temporary, "wx");
      try {
        for await (const chunk of body) {
          hash.update(chunk);
          bytes += chunk.byteLength;
          await file.writeFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
    } catch (error) {
      await rm(temporary, { force: true });
      throw isFull(error) ? diskFull(this.root, error) : error;
    }
    return { temporary, sha256: hash.digest("hex"), bytes };
  }

  /** Gives a received file its name, durably. */
  async keep(received: Received, target: string): Promise<void> {
    await rename(received.temporary, target);
    const folder = await open(dirname(target), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /** Puts a file that is not what was promised aside; where it lies now. */
  async quarantine(received: Pick<Received, "temporary" | "sha256">, name: string): Promise<string> {
    const path = join(this.root, quarantineFolder, `${name}.${received.sha256.slice(0, digestDigits)}`);
    ensureFolder(dirname(path));
    await rename(received.temporary, path);
    return path;
  }

  /**
   * Puts a kept file aside if it is not what its digest promises; a disk may have damaged it.
   * @returns false where it is as promised
   */
  async reject(path: string, name: string, sha256: string): Promise<boolean> {
    try {
      const actual = await digestOf(path);
      if (actual === sha256) return false;
      await this.quarantine({ temporary: path, sha256: actual }, name);
    } catch (error) {
      // Another run has put it aside in between, or `mirror gc` has removed it.
      if (!isAbsent(error)) throw error;
    }
    return true;
  }

  /** Removes what interrupted runs left half-received in a symbol's folder; what a living one receives stays. */
  async sweep(market: Market, symbol: string): Promise<void> {
    const folder = join(this.root, market, symbol);
    const names = existsSync(folder) ? await readdir(folder) : [];
    const temporary = names.filter((name) => name.startsWith(".") && name.endsWith(temporarySuffix));
    for (const name of temporary) {
      const path = join(folder, name);
      if (isOrphaned(name) || (await isAbandoned(path))) await rm(path, { force: true });
    }
  }
}

/** The digest of a file, or a word where the disk does not give it back. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    if (isAbsent(error)) throw error;
    return "unreadable";
  }
  return hash.digest("hex");
}

/** The name says who writes it: another run must not take it for a leftover. */
function temporaryName(): string {
  return `.${process.pid}@${encodeURIComponent(hostname())}.${randomUUID()}${temporarySuffix}`;
}

/** Did a process of this host write it that is gone? */
function isOrphaned(name: string): boolean {
  const [, pid, host] = /^\.(\d+)@(.+)\.[0-9a-f-]{36}\.part$/.exec(name) ?? [];
  if (pid === undefined || host !== encodeURIComponent(hostname())) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    // Another user's process may not be signalled, but it lives.
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > abandonedMs;
  } catch (error) {
    // Its process has finished with it in between.
    if (isAbsent(error)) return false;
    throw error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

/** Said here: the system's error of a file that is open does not name it. */
function diskFull(root: string, cause: unknown): UnavailableError {
  return new UnavailableError("the disk of the mirror is full", {
    code: "DISK_FULL",
    subject: root,
    hint: "free some space, or bound the mirror with `barkeep mirror gc`; then run the same command again",
    cause,
  });
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

export interface Received {
  readonly temporary: string;
  readonly sha256: string;
  readonly bytes: number;
}
