import { createHash } from "node:crypto";
import { RefusedError } from "../model/errors.ts";
import { quoteWord } from "./quote.ts";
import { filedName, judgeKey, knownTypes, readKnownHosts, type KeyName, type KnownKey } from "./known-hosts.ts";
import type { SshTarget } from "./ssh-target.ts";

/** A host's key that is known. */
export interface VerifiedKey {
  readonly type: string;
  /** `SHA256:…` as ssh prints it. */
  readonly fingerprint: string;
  /** `file:line` of the entry that vouches for it. */
  readonly entry: string;
}

/** All that ssh2 may be offered, the best first. */
const keyAlgorithms = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
] as const;

type KeyAlgorithm = (typeof keyAlgorithms)[number];

/** Checks the key that a host shows against the known_hosts files, which are read anew for every connection. */
export class HostKeyCheck {
  readonly #target: SshTarget;
  readonly #known: readonly KnownKey[];
  readonly #name: KeyName;
  /** Why the key was refused. */
  refusal: RefusedError | undefined;
  verified: VerifiedKey | undefined;

  constructor(target: SshTarget) {
    this.#target = target;
    this.#known = readKnownHosts([...target.userKnownHosts, ...target.globalKnownHosts]);
    this.#name = { host: target.host, port: target.port, alias: target.hostKeyAlias };
  }

  /** Known types first: a host with several keys shall show the one that can be checked. */
  algorithms(): KeyAlgorithm[] {
    const types = new Set(knownTypes(this.#known, this.#name));
    const isKnown = (name: KeyAlgorithm): boolean => types.has(name.startsWith("rsa-") ? "ssh-rsa" : name);
    return [...keyAlgorithms.filter(isKnown), ...keyAlgorithms.filter((name) => !isKnown(name))];
  }

  /** @param key as the protocol carries it */
  accepts(key: Buffer): boolean {
    const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString("latin1");
    const fingerprint = fingerprintOf(key);
    const verdict = judgeKey(this.#known, this.#name, type, key);
    if (verdict.kind === "known") {
      this.verified = { type, fingerprint, entry: placeOf(verdict.known) };
      return true;
    }
    if (verdict.kind === "unknown") this.refusal = this.#unknown(type, key, fingerprint);
    else this.refusal = this.#bad(verdict.kind, verdict.known, fingerprint);
    return false;
  }

  #unknown(type: string, key: Buffer, fingerprint: string): RefusedError {
    const { alias, userKnownHosts } = this.#target;
    const line = `${filedName(this.#name)} ${type} ${key.toString("base64")}`;
    const [file = "~/.ssh/known_hosts"] = userKnownHosts;
    return new RefusedError(`the key of ${alias} is not known: ${type} ${fingerprint}`, {
      code: "HOST_KEY_UNKNOWN",
      subject: alias,
      hint: [
        "compare the fingerprint with the host's own (there: ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub); then accept it:",
        `echo ${quoteWord(line)} >> ${quoteWord(file)}`,
      ].join("\n    "),
    });
  }

  #bad(kind: "changed" | "revoked", known: KnownKey, fingerprint: string): RefusedError {
    const { alias } = this.#target;
    const place = placeOf(known);
    if (kind === "revoked") {
      return new RefusedError(`THE KEY OF ${alias} IS REVOKED at ${place}: ${known.type} ${fingerprint}`, {
        code: "HOST_KEY_REVOKED",
        subject: alias,
        hint: "somebody may be pretending to be this host; ask who revoked the key, give the host a new one",
      });
    }
    const was = `${place} has ${fingerprintOf(known.key)}`;
    return new RefusedError(`THE KEY OF ${alias} HAS CHANGED: it shows ${known.type} ${fingerprint}, ${was}`, {
      code: "HOST_KEY_CHANGED",
      subject: alias,
      hint: [
        "somebody may be pretending to be this host. Only if you know why its key is new, forget the old one and accept anew:",
        `ssh-keygen -f ${quoteWord(known.file)} -R ${quoteWord(filedName(this.#name))}`,
      ].join("\n    "),
    });
  }
}

function placeOf({ file, line }: KnownKey): string {
  return `${file}:${line}`;
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}
