import { readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../../files/write-whole.ts";
import { RefusedError } from "../../model/errors.ts";
import { processStart } from "./process-identity.ts";

/**
 * Who has the embedded store open, as `<state>/owner.json` (0600) says. It names the owner; the engine's own lock on its
 * directory is what keeps a second process out, so a file that a killed owner left behind stands in nobody's way.
 */
const ownerSchema = z.object({
  version: z.literal(1),
  pid: z.int().positive(),
  host: z.string(),
  /** See `processStart`. */
  processStart: z.string(),
  since: z.string(),
  command: z.string(),
  /** Present while the owner serves the store over HTTP. */
  url: z.string().optional(),
  user: z.string().optional(),
  password: z.string().optional(),
});

export type Owner = z.infer<typeof ownerSchema>;

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

/** The owner on record, alive or not; undefined when there is none or the file is torn. */
export function readOwner(stateDirectory: string): Owner | undefined {
  let text: string;
  try {
    text = readFileSync(ownerFile(stateDirectory), "utf8");
  } catch {
    return undefined;
  }
  try {
    return ownerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** True for an owner on this host whose process still runs; an owner on another host cannot be seen from here. */
export function isAlive(owner: Owner): boolean {
  return owner.host === hostname() && processStart(owner.pid) === owner.processStart;
}

/** Puts an owner on record, whole or not at all; the file is this user's alone. */
export function writeOwner(stateDirectory: string, owner: Owner): void {
  writeWhole(ownerFile(stateDirectory), `${JSON.stringify(owner, undefined, 2)}\n`);
}

/** Removes the file if it still names this process. */
export function clearOwner(stateDirectory: string): void {
  if (readOwner(stateDirectory)?.pid === process.pid) rmSync(ownerFile(stateDirectory), { force: true });
}

/** The refusal that a second process gets. */
export function storeOwned(stateDirectory: string, owner: Owner | undefined, cause?: unknown): RefusedError {
  const who =
    owner === undefined
      ? "another process"
      : `process ${owner.pid} on ${owner.host}, since ${owner.since} (${owner.command})`;
  const hint =
    owner?.url === undefined
      ? "wait until it ends, or stop it; to share one store, keep `barkeep store serve` running and leave this one to it"
      : `it is served at ${owner.url}; user and password are in ${ownerFile(stateDirectory)}`;
  return new RefusedError(`the embedded store is open in ${who}`, {
    code: "STORE_OWNED",
    subject: stateDirectory,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
