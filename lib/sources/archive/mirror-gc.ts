import type { Dirent } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";

/** A file that a run may have chosen a moment ago stays: younger than this, by fetch or last use. */
const inUseMs = 3_600_000;

/** A file of the mirror that may go. */
export interface MirrorFile {
  /** From the mirror's root. */
  readonly name: string;
  readonly bytes: number;
  /** When it was fetched or last taken for a build, ms since the epoch. */
  readonly usedMs: number;
}

export interface MirrorGc {
  readonly keptBytes: number;
  readonly removed: readonly MirrorFile[];
  /** What had to stay although the bound is exceeded: files used within the last hour. */
  readonly overBytes: number;
}

/**
 * Which files must go so that the mirror holds at most `bytesMax`: the longest unused first, quarantined ones before them.
 * What goes can be fetched again.
 */
export function chooseForRemoval(files: readonly MirrorFile[], bytesMax: number, nowMs: number): MirrorFile[] {
  let total = bytesOf(files);
  const chosen: MirrorFile[] = [];
  const order = files
    .filter((file) => nowMs - file.usedMs >= inUseMs)
    .toSorted((a, b) => Number(isQuarantined(b)) - Number(isQuarantined(a)) || a.usedMs - b.usedMs);
  for (const file of order) {
    if (total <= bytesMax) break;
    chosen.push(file);
    total -= file.bytes;
  }
  return chosen;
}

/** Bounds a mirror. @param planOnly chooses and removes nothing */
export async function collectMirror(
  root: string,
  bytesMax: number,
  nowMs: number,
  planOnly: boolean,
): Promise<MirrorGc> {
  const files = await mirrorFiles(root);
  const removed = chooseForRemoval(files, bytesMax, nowMs);
  if (!planOnly) for (const { name } of removed) await rm(join(root, name), { force: true });
  const keptBytes = bytesOf(files) - bytesOf(removed);
  return { keptBytes, removed, overBytes: Math.max(0, keptBytes - bytesMax) };
}

async function mirrorFiles(root: string): Promise<MirrorFile[]> {
  const files: MirrorFile[] = [];
  for (const entry of await entriesOf(root)) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const found = await unlessAbsent(stat(path));
    // A run that receives it has given it its name in between, or another one has removed it.
    if (found === undefined) continue;
    files.push({ name: relative(root, path), bytes: found.size, usedMs: found.mtimeMs });
  }
  return files;
}

async function entriesOf(root: string): Promise<Dirent[]> {
  return (await unlessAbsent(readdir(root, { recursive: true, withFileTypes: true }))) ?? [];
}

async function unlessAbsent<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function bytesOf(files: readonly MirrorFile[]): number {
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

function isQuarantined(file: MirrorFile): boolean {
  return file.name.startsWith("quarantine");
}
