import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { ConfigurationError } from "../model/errors.ts";

/** One hop as the SSH configuration describes it. */
export interface SshTarget {
  /** The name it was asked for by. */
  readonly alias: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private keys in the order they are offered; not all need exist. */
  readonly identityFiles: readonly string[];
  /** Only keys of {@link identityFiles} are offered, also of those that the agent has. */
  readonly identitiesOnly: boolean;
  readonly agentSocket: string | undefined;
  /** The name that the host's key is filed under, where it is not the address. */
  readonly hostKeyAlias: string | undefined;
  /** The first is the one that a key is added to. */
  readonly userKnownHosts: readonly string[];
  readonly globalKnownHosts: readonly string[];
}

/** More hops than this are a ProxyJump that leads in a circle. */
const hopsMax = 8;

/**
 * The way to a host: its jump hosts in order, itself last.
 *
 * The system's own ssh reads the configuration (`ssh -G`): Include, Match, tokens, defaults and whatever comes next mean exactly
 * what they mean for `ssh HOST`, so that what works there works here. A second reading of our own would differ somewhere.
 * @param configFile instead of the user's and the system's configuration
 * @throws ConfigurationError SSH_CONFIG
 */
export async function resolveWay(alias: string, configFile: string | undefined): Promise<readonly SshTarget[]> {
  return wayTo({ alias }, configFile, hopsMax);
}

interface Destination {
  readonly alias: string;
  readonly user?: string | undefined;
  readonly port?: string | undefined;
}

async function wayTo(to: Destination, configFile: string | undefined, hopsLeft: number): Promise<readonly SshTarget[]> {
  if (hopsLeft === 0) throw sshConfig(to.alias, "ProxyJump leads through more than 8 hosts, or in a circle");
  const settings = parseSettings(await askSsh(to, configFile));
  const proxyCommand = settings.get("proxycommand")?.[0] ?? "none";
  if (proxyCommand !== "none") throw sshConfig(to.alias, "ProxyCommand is not supported; ProxyJump is");
  const jumps = (settings.get("proxyjump")?.[0] ?? "none").split(",").filter((jump) => jump !== "none");
  const way: SshTarget[] = [];
  for (const jump of jumps) {
    const hop = parseDestination(jump);
    // Only the first is reached from here, so only its own ProxyJump counts, as with ssh -J.
    if (way.length === 0) way.push(...(await wayTo(hop, configFile, hopsLeft - 1)));
    else way.push(targetOf(hop.alias, parseSettings(await askSsh(hop, configFile))));
  }
  return [...way, targetOf(to.alias, settings)];
}

/** `[user@]host[:port]` or `ssh://…`; an address of IPv6 stands in brackets. */
function parseDestination(text: string): Destination {
  const match = /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^:@]+))(?::(\d+))?\/?$/.exec(text);
  const alias = match?.[2] ?? match?.[3];
  if (alias === undefined) throw sshConfig(text, `"${text}" is not a ProxyJump`);
  return { alias, user: match?.[1], port: match?.[4] };
}

async function askSsh(to: Destination, configFile: string | undefined): Promise<string> {
  if (configFile !== undefined && !existsSync(configFile)) throw sshConfig(configFile, "there is no such file");
  const words = [
    ...(configFile === undefined ? [] : ["-F", configFile]),
    ...(to.user === undefined ? [] : ["-l", to.user]),
    ...(to.port === undefined ? [] : ["-p", to.port]),
  ];
  // As in local-host.ts.
  const { execa } = await import("execa");
  const { exitCode, stdout, stderr, code } = await execa("ssh", ["-T", "-G", ...words, "--", to.alias], {
    reject: false,
    stdin: "ignore",
  });
  if (code === "ENOENT") throw sshConfig(to.alias, "there is no ssh client on this machine: install openssh-client");
  if (exitCode !== 0) throw sshConfig(configFile ?? to.alias, stderr.trim() || "ssh -G failed");
  return stdout;
}

function parseSettings(text: string): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space < 0) continue;
    const name = line.slice(0, space);
    settings.set(name, [...(settings.get(name) ?? []), line.slice(space + 1)]);
  }
  return settings;
}

function targetOf(alias: string, settings: ReadonlyMap<string, readonly string[]>): SshTarget {
  const one = (name: string): string | undefined => settings.get(name)?.[0];
  const host = one("hostname") ?? alias;
  const port = Number(one("port") ?? 22);
  const user = one("user") ?? userInfo().username;
  const path = (text: string): string => expand(text, { alias, host, port, user });
  const files = (name: string): string[] =>
    (one(name) ?? "none")
      .split(/\s+/)
      .filter((file) => file !== "none")
      .map(path);
  const agent = one("identityagent") ?? "SSH_AUTH_SOCK";
  return {
    alias,
    host,
    port,
    user,
    identityFiles: (settings.get("identityfile") ?? []).filter((file) => file !== "none").map(path),
    identitiesOnly: one("identitiesonly") === "yes",
    agentSocket: agent === "none" ? undefined : agent === "SSH_AUTH_SOCK" ? process.env["SSH_AUTH_SOCK"] : path(agent),
    hostKeyAlias: one("hostkeyalias"),
    userKnownHosts: files("userknownhostsfile"),
    globalKnownHosts: files("globalknownhostsfile"),
  };
}

/** What `ssh -G` leaves as written in the names of files: `~`, `${NAME}`, `$NAME` and the tokens. */
function expand(text: string, of: { alias: string; host: string; port: number; user: string }): string {
  const tokens: Readonly<Record<string, string>> = {
    "%": "%",
    d: userInfo().homedir,
    h: of.host,
    n: of.alias,
    p: String(of.port),
    r: of.user,
    u: userInfo().username,
  };
  return text
    .replace(/^~(?=\/|$)/, userInfo().homedir)
    .replace(/^\$([A-Z_][A-Z0-9_]*)$|\$\{([A-Za-z_]\w*)\}/g, (_, whole: string, name: string) => {
      return process.env[whole ?? name] ?? "";
    })
    .replace(/%(.)/g, (token, letter: string) => tokens[letter] ?? token);
}

function sshConfig(subject: string, message: string): ConfigurationError {
  return new ConfigurationError(message, {
    code: "SSH_CONFIG",
    subject,
    hint: "correct ~/.ssh/config, or the file that --ssh-config names",
  });
}
