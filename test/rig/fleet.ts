import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fleetHost, loadFleet } from "../../lib/config/index.ts";
import { openFleetHost, type OpenFleetHost } from "../../lib/fleet/fleet-host.ts";
import { viewHost, type JobView } from "../../lib/fleet/host-view.ts";
import { addDays, parseDay, type Day } from "../../lib/model/day.ts";
import { jobFolder, runRecordSchema } from "../../lib/queue/job-files.ts";
import { fleetText } from "../../lib/services/host-settings.ts";
import { barkeep, projectRoot, temporaryFolder, type Outcome } from "../ops/run.ts";
import { ArchiveServer } from "./archive-server.ts";
import { ArchiveFolder, linesOf, walkOf } from "./make-archive.ts";
import { PueueDaemon, skipWithoutPueue } from "./pueue.ts";
import { ServedStoreProcess } from "./serve.ts";
import { SlurmCluster } from "./slurm.ts";
import { noSshd, Sshd } from "./sshd.ts";
import { StoreProxy } from "./store-proxy.ts";

/** What a test says when it cannot run, or false. */
export const skipWithoutFleet = noSshd === false ? skipWithoutPueue : noSshd;

const passwordInEnvironment = "a-secret-of-the-operators-shell";

export interface RigHostOptions {
  /** Put first on the path of who logs in and of what is queued. */
  readonly programs?: string;
  /** A file system of its own of so many MB for the directory; it takes root to mount one. */
  readonly diskMb?: number;
  /** Of its table in the fleet file; where it is left out, as many as it has groups. */
  readonly jobsMax?: number;
  /** A Slurm of its own instead of pueue. */
  readonly queue?: "pueue" | "slurm";
  /** What its directory is called. */
  readonly folder?: string;
  /** Workers of this symbol hold so many MB beside what they need. */
  readonly hungry?: { readonly symbol: string; readonly megabytes: number };
}

/** A "host": an SSH server and a queue of its own, and this working tree as its release. */
export class RigHost implements AsyncDisposable {
  readonly name: string;
  readonly directory: string;
  readonly sshd: Sshd;
  readonly #queue: PueueDaemon | SlurmCluster;
  readonly #isMounted: boolean;

  private constructor(
    name: string,
    directory: string,
    sshd: Sshd,
    queue: PueueDaemon | SlurmCluster,
    isMounted: boolean,
  ) {
    this.name = name;
    this.directory = directory;
    this.sshd = sshd;
    this.#queue = queue;
    this.#isMounted = isMounted;
  }

  static async start(name: string, options: RigHostOptions = {}): Promise<RigHost> {
    const { programs, diskMb, hungry } = options;
    const home = temporaryFolder(name);
    const directory = join(home, options.folder ?? "barkeep");
    mkdirSync(directory);
    if (diskMb !== undefined) mount(directory, diskMb);
    const release = join(directory, "current");
    if (hungry === undefined) symlinkSync(projectRoot, release);
    else makeHungryRelease(release, hungry);
    const queue = options.queue === "slurm" ? await SlurmCluster.start(home) : await PueueDaemon.start(home);
    const { PATH: path = "", PUEUE_CONFIG_PATH: pueue, SLURM_CONF: slurm } = queue.runner.env;
    const config = pueue === undefined ? `SLURM_CONF=${slurm}` : `PUEUE_CONFIG_PATH=${pueue}`;
    const first = programs === undefined ? path : `${programs}${delimiter}${path}`;
    const sshd = await Sshd.start({ alias: name, lines: [`SetEnv SHLVL=3 ${config} PATH=${first}`] });
    return new RigHost(name, directory, sshd, queue, diskMb !== undefined);
  }

  get daemon(): PueueDaemon {
    if (this.#queue instanceof PueueDaemon) return this.#queue;
    throw new Error(`${this.name} has no pueue`);
  }

  /** The process that builds what a label stands for. */
  workerOf(label: string): number {
    const path = join(jobFolder(this.directory, label), "pid.json");
    const { workerPid } = runRecordSchema.parse(JSON.parse(readFileSync(path, "utf8")));
    assert.ok(workerPid !== undefined);
    return workerPid;
  }

  /** The power goes: nothing of the host is left running, and nothing of it can say a last word. */
  async powerOff(): Promise<void> {
    await this.daemon.kill();
    await this.sshd.kill();
    for (const pid of this.#jobProcesses()) killIfThere(pid);
  }

  async powerOn(): Promise<void> {
    await this.sshd.start();
    await this.daemon.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue[Symbol.asyncDispose]();
    await this.sshd[Symbol.asyncDispose]();
    if (!this.#isMounted) return;
    // A test that was cut short may have left jobs without a daemon.
    for (const pid of this.#jobProcesses()) killIfThere(pid);
    execFileSync("umount", ["--lazy", this.directory]);
  }

  /** Supervisors and workers: their arguments name the host's folders. */
  #jobProcesses(): number[] {
    const rows = execFileSync("ps", ["-ww", "-eo", "pid=,args="], { encoding: "utf8" }).trim().split("\n");
    return rows.filter((row) => row.includes(`--job-folder ${this.directory}/`)).map((row) => Number.parseInt(row, 10));
  }
}

/** This working tree, run by a Node that holds memory where it works for a symbol. */
function makeHungryRelease(release: string, { symbol, megabytes }: NonNullable<RigHostOptions["hungry"]>): void {
  const folder = join(release, "node_modules", "node", "bin");
  mkdirSync(folder, { recursive: true });
  for (const name of ["bin", "ops"]) symlinkSync(join(projectRoot, name), join(release, name));
  // Its supervisor, which has the same words, holds nothing.
  const hold = `if (process.argv[1].endsWith("run-job.ts")) globalThis.held = Buffer.alloc(${megabytes}e6, 1);`;
  const preload = `data:text/javascript,${encodeURIComponent(hold)}`;
  const node = `#!/bin/sh
case " $* " in *"/run-job.ts ${symbol}@"*) export NODE_OPTIONS='--import=${preload}' ;; esac
exec ${process.execPath} "$@"
`;
  writeFileSync(join(folder, "node"), node, { mode: 0o755 });
}

/** What a test says that cannot have a small disk, or false. */
export const skipWithoutMount = canMount() ? false : "a small disk takes root and the right to mount";

function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const folder = temporaryFolder("mount");
  try {
    mount(folder, 1);
    execFileSync("umount", [folder]);
    return true;
  } catch {
    return false;
  }
}

function mount(folder: string, megabytes: number): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "ignore" });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

const rigFirstDay = parseDay("2023-12-30");

/** Symbols over the turn of a year, as files. @param perDay trades of each day */
function makeRigArchive(root: string, symbols: readonly string[], perDay: number): void {
  for (const symbol of symbols) {
    const folder = new ArchiveFolder(root, symbol);
    for (let i = 0; i < 4; i += 1) {
      const day = addDays(rigFirstDay, i);
      folder.putLines(day, linesOf(walkOf(day, 1000 + i * perDay, perDay)));
    }
  }
}

export interface FleetRigOptions {
  readonly symbols?: readonly string[];
  readonly perDay?: number;
  /** Over HTTP, so that a test can hold a file back; else it is a folder. */
  readonly servesArchive?: boolean;
  /** The hosts' jobs reach the store through a proxy that can fail; the operator does not. */
  readonly proxiesStore?: boolean;
  /** How a host differs from the others. */
  readonly hosts?: Readonly<Record<string, RigHostOptions>>;
}

/** The operator's side: a served store, an archive, a registry, a fleet of hosts. */
export class FleetRig implements AsyncDisposable {
  readonly hosts: readonly RigHost[];
  readonly store: ServedStoreProcess;
  readonly folder: string;
  readonly archiveFolder: string;
  archive: string;
  /** Where the archive is served. */
  server: ArchiveServer | undefined;
  /** What stands between the jobs and the store. */
  proxy: StoreProxy | undefined;
  readonly sshConfig: string;
  readonly #looked = new Map<string, OpenFleetHost>();

  private constructor(hosts: readonly RigHost[], store: ServedStoreProcess, folder: string) {
    this.hosts = hosts;
    this.store = store;
    this.folder = folder;
    this.archiveFolder = join(folder, "archive");
    this.archive = this.archiveFolder;
    this.sshConfig = join(folder, "ssh_config");
  }

  static async start(names: readonly string[], options: FleetRigOptions = {}): Promise<FleetRig> {
    const symbols = options.symbols ?? ["AAAUSDT", "BBBUSDT"];
    const folder = temporaryFolder("fleet");
    const store = await ServedStoreProcess.start(join(folder, "store"));
    const hosts: RigHost[] = [];
    for (const name of names) hosts.push(await RigHost.start(name, options.hosts?.[name]));
    const rig = new FleetRig(hosts, store, folder);
    makeRigArchive(rig.archiveFolder, symbols, options.perDay ?? 2_000);
    if (options.servesArchive === true) await rig.#serveArchive();
    const storeUrl = options.proxiesStore === true ? await rig.#proxyStore() : store.url;
    writeFileSync(rig.sshConfig, hosts.map(({ sshd }) => readFileSync(sshd.configFile, "utf8")).join("\n"));
    writeFileSync(join(folder, "symbols.toml"), `schema_version = 2\n${symbols.map(entryOf).join("\n")}`);
    const tables = hosts.map((host) =>
      [
        `[hosts.${host.name}]`,
        `ssh = "${host.name}"`,
        // What JSON escapes TOML reads.
        `directory = ${JSON.stringify(host.directory)}`,
        `queue = "${options.hosts?.[host.name]?.queue ?? "pueue"}"`,
        "memory_mb = 8000",
        `jobs_max = ${options.hosts?.[host.name]?.jobsMax ?? 4}`,
        `store_url = "${storeUrl}"`,
      ].join("\n"),
    );
    writeFileSync(join(folder, "fleet.toml"), `${tables.join("\n")}\n`);
    return rig;
  }

  async #serveArchive(): Promise<void> {
    this.server = new ArchiveServer(this.archiveFolder);
    this.archive = await this.server.start();
  }

  async #proxyStore(): Promise<string> {
    this.proxy = new StoreProxy(this.store.url);
    return this.proxy.start();
  }

  /** Holds files of a day back in the served archive: a symbol's, or that of every symbol. @returns what lets them go */
  hold(symbol: string, day: Day): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.server === undefined) throw new Error("the rig serves no archive");
    this.server.holds.set(`${symbol === "*" ? "" : symbol}-aggTrades-${day}.zip`, promise);
    return resolve;
  }

  host(name: string): RigHost {
    const host = this.hosts.find((one) => one.name === name);
    if (host === undefined) throw new Error(`the rig has no host ${name}`);
    return host;
  }

  /**
   * What `status` would say of a host's jobs, for a fraction of the time of a command: to wait by.
   * @throws what a host that is away says
   */
  async look(name: string): Promise<readonly JobView[]> {
    let open = this.#looked.get(name);
    if (open === undefined) {
      open = openFleetHost(fleetHost(loadFleet(join(this.folder, "fleet.toml")), name), this.sshConfig);
      this.#looked.set(name, open);
    }
    return (await viewHost(open)).jobs;
  }

  /** Runs a command as the operator. */
  async barkeep(...words: readonly string[]): Promise<Outcome> {
    return barkeep(words, this.env);
  }

  /** What leads the operator's commands to this rig; it holds secrets. */
  get env(): Record<string, string> {
    return {
      ...this.store.env,
      BARKEEP_STATE: join(this.folder, "operator"),
      BARKEEP_SYMBOLS: join(this.folder, "symbols.toml"),
      BARKEEP_FLEET: join(this.folder, "fleet.toml"),
      BARKEEP_SSH_CONFIG: this.sshConfig,
      BARKEEP_ARCHIVE: this.archive,
      // Whoever tries commands on it has settings of a machine that sends, perhaps.
      BARKEEP_NOTIFY: "off",
      RANGEBAR_TELEGRAM_TOKEN: passwordInEnvironment,
    };
  }

  /**
   * What leads commands to the queue and the settings that a host's own services have: its directory is their state, and it is this machine to
   * them. @param programs put first on their path
   */
  serviceEnv(name: string, programs: string): Record<string, string> {
    const { directory, daemon } = this.host(name);
    const entry = fleetHost(loadFleet(join(this.folder, "fleet.toml")), name);
    const fleetFile = join(directory, "services-fleet.toml");
    writeFileSync(fleetFile, fleetText(entry));
    const { PATH = "", ...env } = daemon.runner.env;
    const path = `${programs}${delimiter}${PATH}`;
    return { ...this.env, ...env, PATH: path, BARKEEP_STATE: directory, BARKEEP_FLEET: fleetFile };
  }

  /** What must be nowhere but in files of mode 0600. */
  get secrets(): readonly string[] {
    return [this.store.password, passwordInEnvironment];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const open of this.#looked.values()) await open[Symbol.asyncDispose]();
    for (const host of this.hosts) await host[Symbol.asyncDispose]();
    await this.store.stop();
    await this.proxy?.[Symbol.asyncDispose]();
    await this.server?.[Symbol.asyncDispose]();
  }
}

/** Every series is complete and its bars are those of the archive, read again. */
export async function assertComplete(rig: FleetRig): Promise<void> {
  for (const words of [["status"], ["verify", "all", "--deep"]]) {
    const { code, stdout, stderr } = await rig.barkeep(...words);
    assert.equal(code, 0, stdout + stderr);
  }
}

function entryOf(symbol: string): string {
  return `[symbols.${symbol}]
enabled = true
asset_class = "crypto"
exchange = "binance"
market = "spot"
listing_date = ${rigFirstDay}
min_threshold = 1
`;
}
