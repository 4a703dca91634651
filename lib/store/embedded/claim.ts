import { linkSync, renameSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { isAlive, ownerFile, readOwner, readRecord, storeOwned, thisProcess, writeBeside } from "./owner.ts";

/**
 * Puts this process on record before it opens the engine, so that of several that find no owner one goes first and the others
 * wait for its address. This is order, not safety: the engine's lock decides.
 * @throws RefusedError STORE_OWNED where a live owner is on record; the system's error
 */
export function claimStore(stateDirectory: string): void {
  const path = ownerFile(stateDirectory);
  for (;;) {
    const found = readOwner(stateDirectory);
    if (found !== undefined && isAlive(found)) throw storeOwned(stateDirectory, found);
    // Whether it lives cannot be seen from here: its name stays until its lock is ours.
    if (found !== undefined && found.host !== hostname()) return;
    if (setAside(path) && create(path)) return;
  }
}

/** @returns false where another process was faster */
function create(path: string): boolean {
  const temporary = writeBeside(path, thisProcess());
  try {
    // Unlike a rename, a link never takes the place of a file that is there.
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/**
 * Takes away what a dead owner left.
 * @returns false where a live one had put its name there meanwhile; it is back then
 */
function setAside(path: string): boolean {
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    throw error;
  }
  try {
    const taken = readRecord(aside)?.owner;
    if (taken === undefined || !isAlive(taken)) return true;
    linkSync(aside, path);
    return false;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
