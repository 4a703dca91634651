import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureFolder } from "../../files/folders.ts";
import type { Day } from "../../model/day.ts";
import type { Market } from "../../model/markets.ts";

const temporarySuffix = ".part";
const quarantineFolder = "quarantine";
const digestDigits = 16;

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
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Streams bytes into a temporary file while hashing them. */
  async receive(target: string, body: AsyncIterable<Uint8Array>): Promise<Received> {
    ensureFolder(dirname(target));
    const temporary = join(dirname(target), `.${randomUUID()}${temporarySuffix}`);
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
      throw error;
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

  /** Puts a received file that is not what was promised aside; where it lies now. */
  async quarantine(received: Received, name: string): Promise<string> {
    const path = join(this.root, quarantineFolder, `${name}.${received.sha256.slice(0, digestDigits)}`);
    ensureFolder(dirname(path));
    await rename(received.temporary, path);
    return path;
  }

  /** Removes what an interrupted run left half-received in a symbol's folder. */
  async sweep(market: Market, symbol: string): Promise<void> {
    const folder = join(this.root, market, symbol);
    const names = existsSync(folder) ? await readdir(folder) : [];
    const stale = names.filter((name) => name.startsWith(".") && name.endsWith(temporarySuffix));
    await Promise.all(stale.map(async (name) => rm(join(folder, name), { force: true })));
  }
}

export interface Received {
  readonly temporary: string;
  readonly sha256: string;
  readonly bytes: number;
}
