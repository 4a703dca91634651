import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SshHost, sshHostDefaults } from "../../lib/hosts/ssh-host.ts";
import { Failure } from "../../lib/model/errors.ts";
import { temporaryFolder } from "../ops/run.ts";
import { freePort } from "../rig/ports.ts";
import { account, ensureImage, type VmImage } from "./image.ts";

/** This machine as the guest sees it. */
export const outside = "10.0.2.2";

/** Generous: on a machine that does other things too a start took four times as long as alone. */
const bootTimeoutMs = 8 * 60_000;

/** A Debian with a real systemd, emulated, with its SSH on a port of loopback. What it writes is forgotten with it. */
export class VirtualMachine implements AsyncDisposable {
  /** For `--ssh-config`: `vm` is the account there, `vm-root` its administrator. */
  readonly sshConfig: string;
  readonly #console: string;
  readonly #qemu: ChildProcess;
  /** Kept open: under emulation a login takes longer than most commands. */
  #root: SshHost | undefined;
  #starts = 0;

  private constructor(folder: string, image: VmImage, port: number) {
    this.sshConfig = join(folder, "ssh_config");
    this.#console = join(folder, "console.log");
    const known = join(folder, "known_hosts");
    writeFileSync(known, `[127.0.0.1]:${port} ${image.hostKey}\n`);
    const common = `  HostName 127.0.0.1
  Port ${port}
  IdentityFile ${image.identity}
  IdentityAgent none
  UserKnownHostsFile ${known}
  GlobalKnownHostsFile none
`;
    writeFileSync(this.sshConfig, `Host vm\n  User ${account}\n${common}Host vm-root\n  User root\n${common}`);
    this.#qemu = spawn("qemu-system-x86_64", qemuWords(image, port, this.#console), {
      stdio: ["pipe", "ignore", "inherit"],
    });
    process.on("exit", () => this.#qemu.kill("SIGKILL"));
  }

  /** Starts it and waits until it lets in. */
  static async start(note: (line: string) => void): Promise<VirtualMachine> {
    const machine = new VirtualMachine(temporaryFolder("vm"), ensureImage(note), await freePort());
    try {
      await machine.#untilUp();
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
    return machine;
  }

  /** The account's connection, or the administrator's; close it. */
  open(alias: "vm" | "vm-root" = "vm"): SshHost {
    return new SshHost("vm", alias, { ...sshHostDefaults, configFile: this.sshConfig, attempts: 1 });
  }

  /** What a shell of the account says, which then logs out. @throws where it fails */
  async shell(script: string): Promise<string> {
    await using host = this.open();
    return await run(host, script);
  }

  /** The same of the administrator's, who stays. */
  async rootShell(script: string): Promise<string> {
    this.#root ??= this.open("vm-root");
    return run(this.#root, script);
  }

  /** As if its power had gone and come back: nothing there gets to clean up. */
  async cutPower(): Promise<void> {
    await this.#root?.close();
    this.#root = undefined;
    this.#qemu.stdin?.write("system_reset\n");
    await this.#untilUp();
  }

  /** Its console asks for a login once the system has started; before that, attempts over SSH only wait for their end. */
  async #untilUp(): Promise<void> {
    this.#starts += 1;
    for (const until = Date.now() + bootTimeoutMs; !this.#hasPrompted(); await delay(200)) {
      if (Date.now() > until || this.#qemu.exitCode !== null) throw new Error(`it did not start:\n${this.#said()}`);
    }
    // The prompt is no promise that sshd lets in already.
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.rootShell("true");
        return;
      } catch (error) {
        if (!(error instanceof Failure) || attempt === 20) throw error;
        await delay(500);
      }
    }
  }

  #hasPrompted(): boolean {
    return this.#said().split("login: ").length > this.#starts;
  }

  #said(): string {
    return existsSync(this.#console) ? readFileSync(this.#console, "utf8") : "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#root?.close();
    if (this.#qemu.exitCode !== null || this.#qemu.signalCode !== null) return;
    this.#qemu.kill("SIGKILL");
    await once(this.#qemu, "exit");
  }
}

async function run(host: SshHost, script: string): Promise<string> {
  const { code, stdout, stderr } = await host.exec(["sh", "-c", script], { cwd: "/", timeoutMs: 10 * 60_000 });
  if (code !== 0) throw new Error(`"${script}" ended with ${code}: ${stderr}${stdout}`);
  return stdout.trim();
}

function qemuWords({ disk, kernel, initrd }: VmImage, port: number, console: string): string[] {
  return [
    // One processor: on several emulated ones V8's replacing of code under a running thread ends Node now and then.
    ["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1536"],
    ["-display", "none", "-monitor", "stdio", "-serial", `file:${console}`],
    // Emulated on a busy machine the kernel's check of its timer fails, and it would stop there.
    [
      "-kernel",
      kernel,
      "-initrd",
      initrd,
      "-append",
      "root=/dev/vda rw console=ttyS0 psi=1 quiet no_timer_check panic=1",
    ],
    // Writes go to a file that is removed at once; nothing of it has to outlive this machine's own crash.
    ["-snapshot", "-drive", `file=${disk},if=virtio,format=raw,cache=unsafe`],
    ["-nic", `user,model=virtio,hostfwd=tcp:127.0.0.1:${port}-:22`],
  ].flat();
}
