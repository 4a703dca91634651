import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SshHost, sshHostDefaults, type SshHostOptions } from "../../lib/hosts/ssh-host.ts";
import { temporaryFolder } from "../ops/run.ts";
import { freePort, isPortTaken } from "./ports.ts";

const program = "/usr/sbin/sshd";

/** Why tests over SSH cannot run here, or false. */
export const noSshd = existsSync(program) ? false : `no ${program}: install openssh-server`;

export interface SshdOptions {
  /** The name in the SSH configuration. */
  readonly alias?: string;
  /** More lines of sshd_config. */
  readonly lines?: readonly string[];
  readonly hostKeyTypes?: readonly ("ed25519" | "rsa" | "ecdsa")[];
  /** Reached through this one. */
  readonly jump?: Sshd;
}

/** A real OpenSSH server on a free port of loopback, with keys, SSH configuration and known_hosts of its own. */
export class Sshd implements AsyncDisposable {
  readonly folder: string;
  readonly alias: string;
  readonly port: number;
  /** For `--ssh-config`. */
  readonly configFile: string;
  readonly knownHosts: string;
  readonly identity: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number, options: SshdOptions) {
    this.folder = folder;
    this.port = port;
    this.alias = options.alias ?? "rig";
    this.configFile = join(folder, "ssh_config");
    this.knownHosts = join(folder, "known_hosts");
    this.identity = join(folder, "id_ed25519");
    const types = options.hostKeyTypes ?? ["ed25519"];
    makeKey(this.identity);
    for (const type of types) makeKey(this.hostKeyFile(type), type);
    this.trust(...types);
    // Beside the key of its own, that of a jump host's client: one configuration names both.
    writeFileSync(join(folder, "authorized_keys"), readFileSync(`${this.identity}.pub`));
    writeFileSync(this.configFile, `${this.#clientLines(options.jump)}\n`);
    writeFileSync(join(folder, "sshd_config"), `${this.#serverLines(types, options.lines ?? [])}\n`);
  }

  static async start(options: SshdOptions = {}): Promise<Sshd> {
    const sshd = new Sshd(temporaryFolder("sshd"), await freePort(), options);
    await sshd.start();
    return sshd;
  }

  hostKeyFile(type: string): string {
    return join(this.folder, `host_${type}`);
  }

  /** The public half of a host key, as known_hosts has it. */
  hostKey(type = "ed25519"): string {
    return readFileSync(`${this.hostKeyFile(type)}.pub`, "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ");
  }

  /** Writes known_hosts anew with these of its keys. */
  trust(...types: readonly string[]): void {
    writeFileSync(this.knownHosts, types.map((type) => `[127.0.0.1]:${this.port} ${this.hostKey(type)}\n`).join(""));
  }

  /** Starts it, or starts it again on the same port. */
  async start(): Promise<void> {
    // Where it runs as root it wants this folder, which a system's start makes.
    if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    this.#child = spawn(program, ["-D", "-e", "-f", join(this.folder, "sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    running.add(this);
    let said = "";
    this.#child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
    for (let i = 0; !(await isPortTaken(this.port)); i += 1) {
      if (i > 5000 || this.#child.exitCode !== null) throw new Error(`sshd did not start: ${said}`);
      await sleep(20);
    }
  }

  /** Ends the listener and every session of it at once; the sessions' commands live on. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    if (this.#child?.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
    this.#child = undefined;
    running.delete(this);
  }

  /** A signal for the listener and for every process of a session that is sshd's own. */
  signal(name: NodeJS.Signals): void {
    if (this.#child?.pid === undefined) return;
    for (const pid of ownProcesses(this.#child.pid)) {
      try {
        process.kill(pid, name);
      } catch (error) {
        // One that ended meanwhile.
        if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGCONT");
    await this.kill();
  }

  #serverLines(types: readonly string[], more: readonly string[]): string {
    return [
      // The first of a name holds.
      ...more,
      `Port ${this.port}`,
      "ListenAddress 127.0.0.1",
      ...types.map((type) => `HostKey ${this.hostKeyFile(type)}`),
      `AuthorizedKeysFile ${join(this.folder, "authorized_keys")}`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "PermitRootLogin prohibit-password",
      "PidFile none",
      "Subsystem sftp internal-sftp",
      // bash reads a person's ~/.bashrc at the start of every command otherwise.
      "SetEnv SHLVL=3",
      "LogLevel ERROR",
    ].join("\n");
  }

  #clientLines(jump: Sshd | undefined): string {
    const own = [
      `Host ${this.alias}`,
      "  HostName 127.0.0.1",
      `  Port ${this.port}`,
      `  IdentityFile ${this.identity}`,
      "  IdentityAgent none",
      `  UserKnownHostsFile ${this.knownHosts}`,
      "  GlobalKnownHostsFile none",
      ...(jump === undefined ? [] : [`  ProxyJump ${jump.alias}`]),
    ];
    return [...own, ...(jump === undefined ? [] : [readFileSync(jump.configFile, "utf8")])].join("\n");
  }
}

/** A test that is cut short shall leave no server behind. */
const running = new Set<Sshd>();
process.on("exit", () => {
  for (const sshd of running) sshd.signal("SIGKILL");
});

/** A key pair without a passphrase, or with one. */
export function makeKey(file: string, type = "ed25519", passphrase = ""): void {
  const size = type === "rsa" ? ["-b", "2048"] : [];
  execFileSync("ssh-keygen", ["-q", "-t", type, ...size, "-N", passphrase, "-C", "rig", "-f", file]);
}

/** The listener and what it forked, but not what runs in its sessions. */
function ownProcesses(listener: number): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, name]) => ({ pid: Number(pid), parent: Number(parent), name }))
    .filter(({ name }) => name?.startsWith("sshd") === true);
  const own = new Set([listener]);
  for (let before = 0; before !== own.size;) {
    before = own.size;
    for (const { pid, parent } of rows) if (own.has(parent)) own.add(pid);
  }
  return [...own];
}

/** A host over this server; quick to give up, for tests. */
export function sshHostOf(sshd: Sshd, more: Partial<SshHostOptions> = {}): SshHost {
  return new SshHost("rig", sshd.alias, { ...sshHostDefaults, configFile: sshd.configFile, ...more });
}
