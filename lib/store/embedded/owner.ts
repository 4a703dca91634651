import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { RefusedError } from "../../model/errors.ts";
import { processStart } from "./process-identity.ts";

/**
 * Who has the embedded store open, as `<state>/owner.json` (0600) says. It names the owner and where it serves; the engine's
 * own lock on its directory is what keeps a second process out, so a file that a killed owner left behind stands in nobody's
 * way.
 */
const ownerSchema = z.object({
  version: z.literal(1),
  pid: z.int().positive(),
  host: z.string(),
  /** See `processStart`. */
  processStart: z.string(),
  since: z.string(),
  command: z.string(),
  /** Absent while the owner opens the store. */
  url: z.string().optional(),
  user: z.string().optional(),
  password: z.string().optional(),
});

export type Owner = z.infer<typeof ownerSchema>;

/** An owner's file as it was read, and whose it is. */
export interface OwnerRecord {
  readonly owner: Owner;
  readonly uid: number;
  readonly mode: number;
}

/** Where the owner's name stands. */
export function ownerFile(stateDirectory: string): string {
  return join(stateDirectory, "owner.json");
}

/** This process as an owner. */
export function thisProcess(): Owner {
  const start = processStart(process.pid);
  if (start === undefined) throw new Error("this process cannot read its own start time");
  const command = process.argv.slice(1).join(" ");
  return {
    version: 1,
    pid: process.pid,
    host: hostname(),
    processStart: start,
    since: new Date().toISOString(),
    command,
  };
}

/** A file that names an owner; undefined when there is none or it is torn. */
export function readRecord(path: string): OwnerRecord | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { uid, mode } = fstatSync(file);
    const owner = ownerSchema.safeParse(JSON.parse(readFileSync(file, "utf8"))).data;
    return owner === undefined ? undefined : { owner, uid, mode };
  } catch {
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The owner on record, alive or not; undefined when there is none or the file is torn. */
export function readOwner(stateDirectory: string): Owner | undefined {
  return readRecord(ownerFile(stateDirectory))?.owner;
}

/** True for an owner on this host whose process still runs; an owner on another host cannot be seen from here. */
export function isAlive(owner: Owner): boolean {
  return owner.host === hostname() && processStart(owner.pid) === owner.processStart;
}

/** Puts an owner on record, whole or not at all; the file is this user's alone. A power cut ends what it says anyway. */
export function writeOwner(stateDirectory: string, owner: Owner): void {
  const path = ownerFile(stateDirectory);
  const temporary = writeBeside(path, owner);
  try {
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Writes an owner's file under a name of this process's own. @returns its path */
export function writeBeside(path: string, owner: Owner): string {
  const temporary = `${path}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  writeFileSync(temporary, `${JSON.stringify(owner, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
  return temporary;
}

/** Removes the file if it still names this process. */
export function clearOwner(stateDirectory: string): void {
  if (readOwner(stateDirectory)?.pid === process.pid) rmSync(ownerFile(stateDirectory), { force: true });
}

/** The refusal that a process gets which must own the store, or which has waited for its owner in vain. */
export function storeOwned(stateDirectory: string, owner: Owner | undefined): RefusedError {
  const who =
    owner === undefined
      ? "another process"
      : `process ${owner.pid} on ${owner.host}, since ${owner.since} (${owner.command})`;
  const hint =
    owner?.url === undefined
      ? "it says no address at which it serves the store: wait until it ends, or stop it"
      : `it is served at ${owner.url}; user and password are in ${ownerFile(stateDirectory)}`;
  return new RefusedError(`the embedded store is open in ${who}`, {
    code: "STORE_OWNED",
    subject: stateDirectory,
    hint,
  });
}
