import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { judgeKey, knownTypes, readKnownHosts, type KeyName } from "../../lib/hosts/known-hosts.ts";
import { RefusedError } from "../../lib/model/errors.ts";
import { temporaryFolder } from "../ops/run.ts";
import { makeKey, noSshd, Sshd, sshHostOf } from "../rig/sshd.ts";

const skip = noSshd;
let sshd: Sshd;

before(async () => {
  if (skip === false) sshd = await Sshd.start({ hostKeyTypes: ["ed25519", "rsa"] });
});
after(async () => {
  await sshd?.[Symbol.asyncDispose]();
});

/** Connects anew; the code that it ends with. */
async function connects(): Promise<number | null> {
  await using host = sshHostOf(sshd);
  return (await host.exec(["true"], { cwd: "/" })).code;
}

async function refusal(): Promise<RefusedError> {
  try {
    await connects();
  } catch (error) {
    assert.ok(error instanceof RefusedError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

/** A line of known_hosts; the text stands for the key's bytes. */
function keyLine(names: string, text: string, type = "ssh-ed25519"): string {
  return `${names} ${type} ${Buffer.from(text).toString("base64")} a comment\n`;
}

function at(host: string, port = 22): KeyName {
  return { host, port };
}

function fingerprint(type: string): string {
  const said = execFileSync("ssh-keygen", ["-lf", `${sshd.hostKeyFile(type)}.pub`], { encoding: "utf8" });
  return said.split(" ")[1] ?? "";
}

test(
  "an unknown key is refused with its fingerprint, and the command that is printed accepts it",
  { skip },
  async () => {
    rmSync(sshd.knownHosts);
    const error = await refusal();
    assert.equal(error.code, "HOST_KEY_UNKNOWN");
    assert.ok(error.message.includes(`ssh-ed25519 ${fingerprint("ed25519")}`), error.message);
    const command = error.hint?.split("\n").at(-1)?.trim() ?? "";
    execFileSync("sh", ["-c", command]);
    assert.equal(readFileSync(sshd.knownHosts, "utf8"), `[127.0.0.1]:${sshd.port} ${sshd.hostKey()}\n`);
    assert.equal(await connects(), 0);
    // ssh takes the same file.
    execFileSync("ssh", ["-F", sshd.configFile, "-o", "BatchMode=yes", sshd.alias, "true"]);
  },
);

test("a host with several keys shows the one that is known", { skip }, async () => {
  sshd.trust("rsa");
  assert.equal(await connects(), 0);
});

test("hashed names are found", { skip }, async () => {
  sshd.trust("ed25519");
  execFileSync("ssh-keygen", ["-q", "-H", "-f", sshd.knownHosts], { stdio: "ignore" });
  assert.match(readFileSync(sshd.knownHosts, "utf8"), /^\|1\|/);
  assert.equal(await connects(), 0);
});

test("a changed key is refused loudly, with the line that has the old one", { skip }, async () => {
  const other = join(temporaryFolder("key"), "other");
  makeKey(other);
  const [type, key] = readFileSync(`${other}.pub`, "utf8").split(" ");
  writeFileSync(sshd.knownHosts, `# a comment\n\n[127.0.0.1]:${sshd.port} ${type} ${key}\n`);
  const error = await refusal();
  assert.equal(error.code, "HOST_KEY_CHANGED");
  assert.match(error.message, /HAS CHANGED/);
  assert.ok(error.message.includes(`${sshd.knownHosts}:3`), error.message);
  assert.ok(error.message.includes(fingerprint("ed25519")), error.message);
  // The command forgets the old key; the new one is then unknown, not accepted.
  execFileSync("sh", ["-c", error.hint?.split("\n").at(-1) ?? ""], { stdio: "ignore" });
  assert.equal((await refusal()).code, "HOST_KEY_UNKNOWN");
});

test("a revoked key is refused although it is known too", { skip }, async () => {
  sshd.trust("ed25519");
  appendFileSync(sshd.knownHosts, `@revoked * ${sshd.hostKey()}\n`);
  const error = await refusal();
  assert.equal(error.code, "HOST_KEY_REVOKED");
  assert.ok(error.message.includes(`${sshd.knownHosts}:2`), error.message);
  sshd.trust("ed25519");
});

test("names: patterns, lists, exclusions, ports, aliases, capitals", () => {
  const file = join(temporaryFolder("known"), "known_hosts");
  writeFileSync(
    file,
    [
      "# ssh-ed25519 AAAA\n",
      "broken\n",
      keyLine("*.lan,!bad.lan,10.0.0.?", "pattern"),
      keyLine("Name,10.1.1.1", "list"),
      keyLine("[name]:2222", "port"),
      keyLine("name", "rsa", "ssh-rsa"),
      `@cert-authority ${keyLine("*", "authority")}`,
      keyLine("the-alias", "alias"),
    ].join(""),
  );
  const known = readKnownHosts([file, "/nowhere"]);
  const verdict = (name: KeyName, text: string, type = "ssh-ed25519"): string =>
    judgeKey(known, name, type, Buffer.from(text)).kind;
  assert.equal(verdict(at("a.lan"), "pattern"), "known");
  assert.equal(verdict(at("A.LAN"), "pattern"), "known");
  assert.equal(verdict(at("a.lan"), "other"), "changed");
  assert.equal(verdict(at("bad.lan"), "pattern"), "unknown");
  assert.equal(verdict(at("alan"), "pattern"), "unknown");
  assert.equal(verdict(at("10.0.0.7"), "pattern"), "known");
  assert.equal(verdict(at("10.0.0.77"), "pattern"), "unknown");
  assert.equal(verdict(at("name"), "list"), "known");
  assert.equal(verdict(at("10.1.1.1"), "list"), "known");
  assert.equal(verdict(at("name", 2222), "port"), "known");
  assert.equal(verdict(at("name", 2222), "list"), "changed");
  // A port without keys of its own: the key known without the port is the host's.
  assert.equal(verdict(at("name", 2223), "list"), "known");
  assert.equal(verdict(at("name", 2223), "other"), "unknown");
  assert.equal(verdict(at("name"), "new", "ecdsa-sha2-nistp256"), "unknown");
  assert.equal(verdict(at("name"), "authority"), "changed");
  assert.equal(verdict({ host: "elsewhere", port: 5, alias: "The-Alias" }, "alias"), "known");
  assert.deepEqual(knownTypes(known, at("name")), ["ssh-ed25519", "ssh-rsa"]);
  assert.deepEqual(known.map(({ line }) => line).slice(0, 2), [3, 4]);
});
