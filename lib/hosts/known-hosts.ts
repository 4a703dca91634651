import { createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

/** A line of a known_hosts file that names a key. */
export interface KnownKey {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly isRevoked: boolean;
  /** The first field: patterns parted by commas, or one hashed name. */
  readonly names: string;
  readonly type: string;
  readonly key: Buffer;
}

/** What the files say of a key that a host has shown. */
export type KeyVerdict =
  { readonly kind: "known" | "revoked" | "changed"; readonly known: KnownKey } | { readonly kind: "unknown" };

/** Where a host's key is looked up: its address and port, or the alias for both. */
export interface KeyName {
  readonly host: string;
  readonly port: number;
  readonly alias?: string | undefined;
}

const sshPort = 22;

/** Every key of the files that exist. Lines with certificates of authorities are left out: certificates are not supported. */
export function readKnownHosts(files: readonly string[]): KnownKey[] {
  return files
    .filter((file) => existsSync(file))
    .flatMap((file) =>
      readFileSync(file, "utf8")
        .split("\n")
        .flatMap((text, i) => parseLine(text, file, i + 1)),
    );
}

function parseLine(text: string, file: string, line: number): KnownKey[] {
  const fields = text.trim().split(/\s+/);
  const marker = fields[0]?.startsWith("@") === true ? fields.shift() : undefined;
  const [names = "", type, key] = fields;
  if (names.startsWith("#") || type === undefined || key === undefined) return [];
  if (marker !== undefined && marker !== "@revoked") return [];
  return [{ file, line, isRevoked: marker === "@revoked", names, type, key: Buffer.from(key, "base64") }];
}

/** The name a host's key is filed under: `host`, or `[host]:port` where the port is not 22. */
export function filedName({ host, port, alias }: KeyName): string {
  if (alias !== undefined) return alias.toLowerCase();
  return port === sshPort ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** The types of keys known under this name, to ask the host for one of these. */
export function knownTypes(known: readonly KnownKey[], name: KeyName): string[] {
  const filed = filedName(name);
  return [...new Set(known.filter((key) => !key.isRevoked && isNamed(key.names, filed)).map(({ type }) => type))];
}

/**
 * Looks a host's key up, as ssh does: revoked wins; the same key under the name is known; another key of its type there has
 * changed. Where the name has a port and no key, the same key under the bare name counts too.
 */
export function judgeKey(known: readonly KnownKey[], name: KeyName, type: string, key: Buffer): KeyVerdict {
  const filed = filedName(name);
  const named = known.filter(({ names }) => isNamed(names, filed));
  const revoked = named.find((one) => one.isRevoked && one.key.equals(key));
  if (revoked !== undefined) return { kind: "revoked", known: revoked };
  const living = named.filter(({ isRevoked }) => !isRevoked);
  const same = living.find((one) => one.key.equals(key));
  if (same !== undefined) return { kind: "known", known: same };
  const other = living.find((one) => one.type === type);
  if (other !== undefined) return { kind: "changed", known: other };
  if (name.alias === undefined && name.port !== sshPort && living.length === 0) {
    const bare = judgeKey(known, { host: name.host, port: sshPort }, type, key);
    if (bare.kind !== "changed") return bare;
  }
  return { kind: "unknown" };
}

function isNamed(names: string, name: string): boolean {
  if (names.startsWith("|1|")) {
    const [, , salt = "", hash] = names.split("|");
    return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
  }
  const patterns = names.toLowerCase().split(",");
  if (patterns.some((pattern) => pattern.startsWith("!") && isLike(name, pattern.slice(1)))) return false;
  return patterns.some((pattern) => isLike(name, pattern));
}

/** `*` stands for any text, `?` for one character. */
function isLike(name: string, pattern: string): boolean {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, (sign) => ({ "*": ".*", "?": "." })[sign] ?? `\\${sign}`);
  return new RegExp(`^${source}$`).test(name);
}
