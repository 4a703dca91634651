import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SshHost, sshHostDefaults } from "../../lib/hosts/ssh-host.ts";
import { Failure, RetryableError } from "../../lib/model/errors.ts";
import { temporaryFolder } from "../ops/run.ts";
import { account, type Image } from "./image.ts";

const memoryMegabytes = 1_024;
const processors = 2;
/** Emulation on a busy machine. A start takes half a minute on one that has nothing else to do. */
const startMsMax = 10 * 60_000;

/** This machine as its guest sees it. */
export const outside = "10.0.2.2";

/** A Debian with a systemd of its own, emulated. What it writes to its disk is gone with it. */
export class Machine implements AsyncDisposable {
  readonly sshConfig: string;
  readonly alias = "vm";
  readonly #child: ChildProcess;
  readonly #serialLog: string;

  private constructor(child: ChildProcess, sshConfig: string, serialLog: string) {
    this.#child = child;
    this.sshConfig = sshConfig;
    this.#serialLog = serialLog;
  }

  static async start(image: Image): Promise<Machine> {
    const folder = temporaryFolder("vm");
    const port = await freePort();
    const serialLog = join(folder, "serial.log");
    const child = spawn("qemu-system-x86_64", wordsFor(image, port, serialLog), {
      stdio: ["pipe", "ignore", "inherit"],
    });
    process.on("exit", () => child.kill("SIGKILL"));
    const knownHosts = join(folder, "known_hosts");
    writeFileSync(knownHosts, `[127.0.0.1]:${port} ${image.hostKey}\n`);
    const sshConfig = join(folder, "ssh_config");
    const lines = [
      "Host vm",
      "  HostName 127.0.0.1",
      `  Port ${port}`,
      `  User ${account}`,
      `  IdentityFile ${image.identity}`,
      "  IdentityAgent none",
      `  UserKnownHostsFile ${knownHosts}`,
      "  GlobalKnownHostsFile none",
    ];
    writeFileSync(sshConfig, `${lines.join("\n")}\n`);
    const machine = new Machine(child, sshConfig, serialLog);
    await machine.#answers();
    return machine;
  }

  /** A connection as the ordinary account. */
  host(): SshHost {
    const patient = { readyTimeoutMs: 60_000, keepaliveIntervalMs: 15_000 };
    return new SshHost("vm", this.alias, { ...sshHostDefaults, ...patient, configFile: this.sshConfig });
  }

  /** As a loss of power: nothing gets to clean up. Returns when it can be logged in to again. */
  async reset(): Promise<void> {
    this.#child.stdin?.write("system_reset\n");
    // The old system answers until the reset; its boot id would tell, but a pause does as well.
    await sleep(2_000);
    await this.#answers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  async #answers(): Promise<void> {
    const until = Date.now() + startMsMax;
    while (Date.now() < until && this.#child.exitCode === null) {
      await using host = this.host();
      try {
        await host.exec(["systemctl", "--user", "is-system-running", "--wait"], { cwd: "/", timeoutMs: 240_000 });
        return;
      } catch (error) {
        // Until a system has started it lets no ordinary account in.
        const isEarly = error instanceof RetryableError || (error instanceof Failure && error.code === "HOST_AUTH");
        if (!isEarly) throw error;
        await sleep(1_000);
      }
    }
    throw new Error(`the machine did not start:\n${readFileSync(this.#serialLog, "utf8").slice(-4_000)}`);
  }
}

function wordsFor(image: Image, port: number, serialLog: string): string[] {
  return [
    // /dev/kvm may be there and not work; emulation always does.
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-m", String(memoryMegabytes), "-smp", String(processors)],
    ...["-display", "none", "-serial", `file:${serialLog}`, "-monitor", "stdio"],
    ...["-kernel", image.kernel, "-initrd", image.initialRamDisk],
    ...["-append", "root=/dev/vda rw console=ttyS0 psi=1 quiet"],
    ...["-drive", `file=${image.disk},if=virtio,format=raw,snapshot=on`],
    ...["-nic", `user,model=virtio,hostfwd=tcp:127.0.0.1:${port}-:22`],
  ];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  server.close();
  await once(server, "close");
  return address.port;
}
