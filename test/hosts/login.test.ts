import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SshHost, sshHostDefaults } from "../../lib/hosts/ssh-host.ts";
import { resolveWay } from "../../lib/hosts/ssh-target.ts";
import { temporaryFolder } from "../ops/run.ts";
import { eventually } from "../queue/tasks.ts";
import { makeKey, noSshd, Sshd, sshHostOf } from "../rig/sshd.ts";

const skip = noSshd;

/** A real ssh-agent with these keys. */
async function startAgent(folder: string, keys: readonly string[]): Promise<{ socket: string; stop: () => void }> {
  const socket = join(folder, "agent.sock");
  const child = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  // It says 1 for an agent without keys, and 2 where none answers.
  await eventually("the agent answers", () => spawnSync("ssh-add", ["-l"], { env }).status === 1);
  for (const key of keys) execFileSync("ssh-add", ["-q", key], { env });
  return { socket, stop: () => void child.kill() };
}

/** The client's configuration with other lines for its one host, strongest first. */
function configWith(sshd: Sshd, lines: readonly string[], leaveOut: RegExp = /^$/): string {
  const own = readFileSync(sshd.configFile, "utf8").split("\n");
  const kept = own.slice(1).filter((line) => !leaveOut.test(line.trim()));
  const file = join(temporaryFolder("ssh"), "config");
  writeFileSync(file, [`Host ${sshd.alias}`, ...lines, ...kept, ""].join("\n"));
  return file;
}

async function runsWith(configFile: string, alias = "rig"): Promise<string> {
  await using host = new SshHost("rig", alias, { ...sshHostDefaults, configFile, attempts: 1 });
  return (await host.exec(["echo", "in"], { cwd: "/" })).stdout;
}

test("through a jump host, and losing it loses the host", { skip }, async () => {
  await using jump = await Sshd.start({ alias: "jump" });
  await using sshd = await Sshd.start({ jump });
  await using host = sshHostOf(sshd);
  const { stdout } = await host.exec(["sh", "-c", "echo $SSH_CONNECTION"], { cwd: "/" });
  assert.equal(stdout.trim().split(" ")[3], `${sshd.port}`);
  const begun = join(temporaryFolder("jump"), "begun");
  const sleeper = ["sh", "-c", 'touch "$1"; exec sleep 30', "sh", begun];
  const running = assert.rejects(host.exec(sleeper, { cwd: "/" }), { code: "HOST_LOST" });
  await eventually("it runs", () => existsSync(begun));
  await jump.kill();
  await running;
  await jump.start();
  assert.equal((await host.exec(["true"], { cwd: "/" })).code, 0);
  // The jump host's own key is held against known_hosts too.
  rmSync(jump.knownHosts);
  await using again = sshHostOf(sshd);
  await assert.rejects(again.exec(["true"], { cwd: "/" }), { code: "HOST_KEY_UNKNOWN", subject: "jump" });
});

test("a key that only an agent has", { skip }, async () => {
  await using sshd = await Sshd.start();
  const folder = temporaryFolder("agent");
  // More keys than a server lets anybody try, the right one last.
  const others = Array.from({ length: 7 }, (_, i) => join(folder, `other${i}`));
  for (const other of others) makeKey(other);
  const agent = await startAgent(folder, [...others, sshd.identity]);
  try {
    const withAgent = [`  IdentityAgent ${agent.socket}`];
    // The public half says which of the agent's keys is meant.
    renameSync(sshd.identity, join(folder, "gone"));
    assert.equal(await runsWith(configWith(sshd, withAgent)), "in\n");
    assert.equal(await runsWith(configWith(sshd, [...withAgent, "  IdentitiesOnly yes"])), "in\n");
    rmSync(`${sshd.identity}.pub`);
    await assert.rejects(runsWith(configWith(sshd, [...withAgent, "  IdentitiesOnly yes"])), { code: "HOST_AUTH" });
  } finally {
    agent.stop();
  }
});

test("a key with a passphrase is told with what to do; an agent that has it helps", { skip }, async () => {
  await using sshd = await Sshd.start();
  const agent = await startAgent(temporaryFolder("agent"), [sshd.identity]);
  try {
    execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "secret words", "-f", sshd.identity]);
    await assert.rejects(runsWith(sshd.configFile), (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, "SSH_KEY_ENCRYPTED");
      assert.ok(error.message.includes(sshd.identity));
      assert.equal(error.hint, `give it to the agent: ssh-add ${sshd.identity}`);
      return true;
    });
    assert.equal(await runsWith(configWith(sshd, [`  IdentityAgent ${agent.socket}`])), "in\n");
  } finally {
    agent.stop();
  }
});

test("a login that is refused says what was offered", { skip }, async () => {
  await using sshd = await Sshd.start();
  writeFileSync(join(sshd.folder, "authorized_keys"), "");
  await assert.rejects(runsWith(sshd.configFile), (error: Error & { code?: string }) => {
    assert.equal(error.name, "ConfigurationError");
    assert.equal(error.code, "HOST_AUTH");
    assert.match(error.message, /there is no agent; \S+id_ed25519 was offered/);
    return true;
  });
});

test("the configuration means what it means for ssh: Include, patterns, Match, tokens, jumps", { skip }, async () => {
  const folder = temporaryFolder("ssh");
  const file = join(folder, "config");
  writeFileSync(join(folder, "more"), "Host node-*\n  Port 2222\n");
  writeFileSync(
    file,
    `Include ${join(folder, "more")}
Match host node-8
  User eighth
Host node-*
  User keeper
  HostName %h.example
  IdentityFile ~/keys/%r@%h
  IdentityFile "${folder}/a key"
  IdentitiesOnly yes
  IdentityAgent ${folder}/agent
  UserKnownHostsFile ${folder}/one ${folder}/two
  ProxyJump first,other@node-8:2022
Host first
  HostName 10.0.0.1
  ProxyJump zero
  IdentityAgent none
Host around
  ProxyJump about
Host about
  ProxyJump around
Host command
  ProxyCommand nc %h %p
`,
  );
  const way = await resolveWay("node-7", file);
  assert.deepEqual(
    way.map(({ alias, user, host, port }) => [alias, user, host, port]),
    [
      ["zero", userInfo().username, "zero", 22],
      ["first", userInfo().username, "10.0.0.1", 22],
      ["node-8", "other", "node-8.example", 2022],
      ["node-7", "keeper", "node-7.example", 2222],
    ],
  );
  const last = way.at(-1);
  assert.deepEqual(last?.identityFiles, [`${userInfo().homedir}/keys/keeper@node-7.example`, `${folder}/a key`]);
  assert.equal(last.identitiesOnly, true);
  assert.equal(last.agentSocket, `${folder}/agent`);
  assert.deepEqual(last.userKnownHosts, [`${folder}/one`, `${folder}/two`]);
  assert.equal(way[1]?.agentSocket, undefined);
  for (const [alias, problem] of [
    ["around", /circle/],
    ["command", /ProxyCommand is not supported/],
    ["-oProxyCommand=id", /hostname contains invalid characters/],
  ] as const) {
    await assert.rejects(resolveWay(alias, file), (error: Error & { code?: string }) => {
      assert.equal(error.code, "SSH_CONFIG");
      assert.match(error.message, problem);
      return true;
    });
  }
  await assert.rejects(resolveWay("a", join(folder, "none")), { code: "SSH_CONFIG", message: "there is no such file" });
  writeFileSync(file, "Prot 22\n");
  await assert.rejects(resolveWay("a", file), /Bad configuration option: prot/);
});
