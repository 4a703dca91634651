import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { barkeep, projectRoot, temporaryFolder, type Outcome } from "../ops/run.ts";
import { pueueFolder } from "../rig/pueue.ts";
import { ServedStoreProcess } from "../rig/serve.ts";
import { outside, VirtualMachine } from "./machine.ts";
import { account } from "./image.ts";

/** barkeep's folder on the machine. */
export const directory = `/home/${account}/barkeep`;

/** A virtual machine as a host of a fleet, with the store outside of it and pueue installed, but nothing set up. */
export class VmRig implements AsyncDisposable {
  readonly machine: VirtualMachine;
  readonly store: ServedStoreProcess;
  readonly fleetFile: string;
  readonly #env: Record<string, string>;

  private constructor(machine: VirtualMachine, store: ServedStoreProcess, folder: string) {
    this.machine = machine;
    this.store = store;
    this.fleetFile = join(folder, "fleet.toml");
    this.#env = {
      ...store.env,
      BARKEEP_STATE: join(folder, "operator"),
      BARKEEP_SYMBOLS: join(projectRoot, "examples/symbols.toml"),
      BARKEEP_FLEET: this.fleetFile,
      BARKEEP_SSH_CONFIG: machine.sshConfig,
      BARKEEP_ARCHIVE: join(projectRoot, "examples/archive"),
      RANGEBAR_NO_CGROUP: "",
    };
    writeFileSync(
      this.fleetFile,
      `[hosts.vm]
ssh = "vm"
directory = "${directory}"
queue = "pueue"
memory_mb = 1000
jobs_max = 1
store_url = "${store.url.replace("127.0.0.1", outside)}"
services = ${JSON.stringify(services)}
`,
    );
  }

  static async start(note: (line: string) => void): Promise<VmRig> {
    const folder = temporaryFolder("vm-rig");
    mkdirSync(join(folder, "store"));
    await using parts = new AsyncDisposableStack();
    const machine = parts.use(await VirtualMachine.start(note));
    const store = parts.use(await ServedStoreProcess.start(join(folder, "store")));
    const programs = pueueFolder();
    assert.ok(programs !== undefined);
    await machine.shell(`mkdir -p /home/${account}/.local/bin`);
    await using host = machine.open();
    for (const program of ["pueue", "pueued"]) {
      await host.upload(join(programs, program), `/home/${account}/.local/bin/${program}`, 0o755);
    }
    // The archive has the same name everywhere.
    const examples = join(projectRoot, "examples");
    await machine.rootShell(`mkdir -p ${projectRoot} && ln -s ${directory}/current/examples ${examples}`);
    parts.move();
    return new VmRig(machine, store, folder);
  }

  /** Runs a command as the operator, outside. */
  async barkeep(...words: readonly string[]): Promise<Outcome> {
    return barkeep(words, this.#env);
  }

  /** The same where it has to end well. @returns what it printed */
  async barkeepOk(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.barkeep(...words);
    assert.equal(code, 0, `barkeep ${words.join(" ")}: ${stdout}${stderr}`);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
    await this.store.stop();
  }
}

/** What is kept running there: the queue's daemon, and of barkeep's own what this tree has. */
const services = ["pueued", ...(existsSync(join(projectRoot, "ops/autoscale.ts")) ? ["autoscale"] : [])];
