import { ConfigurationError } from "../../model/errors.ts";
import type { ServerAddress } from "../clients.ts";
import { isAlive, ownerFile, readRecord, type Owner, type OwnerRecord } from "./owner.ts";

/** A live owner, and where it serves the store. */
export interface ServingOwner {
  readonly owner: Owner;
  readonly address: ServerAddress;
}

/**
 * The owner on record if it lives and says where it serves.
 * @throws ConfigurationError TOKEN_FILE_PERMISSIONS where others can read its password, or could have written it
 */
export function servingOwner(stateDirectory: string): ServingOwner | undefined {
  const path = ownerFile(stateDirectory);
  const record = readRecord(path);
  if (record?.owner.url === undefined || !isAlive(record.owner)) return undefined;
  if (!isPrivate(record)) throw exposedToken(path, record);
  const { url, user, password } = record.owner;
  return { owner: record.owner, address: { url, user, password } };
}

/**
 * The password of an owner that died without taking its name away. The next one keeps it, so that a client that was told an
 * address by hand goes on with it. Undefined where others may have read it.
 */
export function passwordLeft(stateDirectory: string): string | undefined {
  const record = readRecord(ownerFile(stateDirectory));
  return record === undefined || isAlive(record.owner) || !isPrivate(record) ? undefined : record.owner.password;
}

function isPrivate({ uid, mode }: OwnerRecord): boolean {
  return (mode & 0o077) === 0 && isOurs(uid);
}

function isOurs(uid: number): boolean {
  return process.geteuid === undefined || process.geteuid() === uid;
}

function exposedToken(path: string, { owner, uid, mode }: OwnerRecord): ConfigurationError {
  const found = isOurs(uid) ? `its mode is ${(mode & 0o777).toString(8).padStart(4, "0")}` : `it is user ${uid}'s`;
  return new ConfigurationError(`the file with the store's password must be this user's alone; ${found}`, {
    code: "TOKEN_FILE_PERMISSIONS",
    subject: path,
    hint: isOurs(uid)
      ? `chmod 600 ${path}; if others may have read it, stop process ${owner.pid} too: its next start makes a new password`
      : `run this as user ${uid}, or name another state directory with --state or BARKEEP_STATE`,
  });
}
