import { statSync } from "node:fs";
import { join } from "node:path";
import { UnavailableError } from "../../model/errors.ts";
import type { Market } from "../../model/markets.ts";
import { DirectorySource } from "./directory.ts";
import type { RetryPolicy } from "./http-client.ts";
import { Mirror } from "./mirror.ts";
import type { ArchiveSource } from "./types.ts";

export { fetchDays } from "./days.ts";
export { collectMirror, type MirrorGc } from "./mirror-gc.ts";
export { judgeMissingDay, settledAfterDays, type MissingDay } from "./missing-days.ts";
export type { ArchiveSource, DayFile, DayOutcome } from "./types.ts";

/** Where the mirror lies in a state directory. */
export function mirrorRoot(stateDirectory: string): string {
  return join(stateDirectory, "mirror");
}

/**
 * The source of one symbol's daily archives.
 * @param location a folder or an http(s) URL that holds `data/` in the exchange's layout
 * @throws UnavailableError ARCHIVE_ABSENT where a folder is none or holds no `data/`: what is published cannot be known then
 */
export async function openArchive(
  location: string,
  market: Market,
  symbol: string,
  stateDirectory: string,
  policy?: RetryPolicy,
): Promise<ArchiveSource> {
  if (!/^https?:\/\//.test(location)) {
    checkFolder(location);
    return new DirectorySource(location, market, symbol);
  }
  // Loaded where it is wanted: the HTTP client takes longer to load than a small folder to read.
  const { HttpSource } = await import("./http.ts");
  const mirror = new Mirror(mirrorRoot(stateDirectory));
  await mirror.sweep(market, symbol);
  return new HttpSource(location, market, symbol, mirror, policy);
}

function checkFolder(root: string): void {
  if (isFolder(join(root, "data"))) return;
  const problem = isFolder(root) ? "the archive folder holds no data/" : "the archive folder does not exist";
  throw new UnavailableError(problem, {
    code: "ARCHIVE_ABSENT",
    subject: root,
    hint: "check --archive or BARKEEP_ARCHIVE, and that its disk is mounted; it names the folder that holds data/",
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
