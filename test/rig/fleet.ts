import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { addDays, parseDay, type Day } from "../../lib/model/day.ts";
import { barkeep, projectRoot, temporaryFolder, type Outcome } from "../ops/run.ts";
import { ArchiveServer } from "./archive-server.ts";
import { ArchiveFolder, linesOf, walkOf } from "./make-archive.ts";
import { PueueDaemon, skipWithoutPueue } from "./pueue.ts";
import { ServedStoreProcess } from "./serve.ts";
import { noSshd, Sshd } from "./sshd.ts";

/** What a test says when it cannot run, or false. */
export const skipWithoutFleet = noSshd === false ? skipWithoutPueue : noSshd;

const passwordInEnvironment = "a-secret-of-the-operators-shell";

/** A "host": an SSH server and a pueue daemon of its own, and this working tree as its release. */
export class RigHost implements AsyncDisposable {
  readonly name: string;
  readonly directory: string;
  readonly sshd: Sshd;
  readonly daemon: PueueDaemon;

  private constructor(name: string, directory: string, sshd: Sshd, daemon: PueueDaemon) {
    this.name = name;
    this.directory = directory;
    this.sshd = sshd;
    this.daemon = daemon;
  }

  /** @param bin a folder that comes first on its path */
  static async start(name: string, bin?: string): Promise<RigHost> {
    const home = temporaryFolder(name);
    const directory = join(home, "barkeep");
    mkdirSync(directory);
    symlinkSync(projectRoot, join(directory, "current"));
    const daemon = await PueueDaemon.start(home);
    const { PUEUE_CONFIG_PATH: config, PATH: path } = daemon.runner.env;
    const first = bin === undefined ? "" : `${bin}:`;
    const lines = [`SetEnv SHLVL=3 PUEUE_CONFIG_PATH=${config} PATH=${first}${path}`];
    return new RigHost(name, directory, await Sshd.start({ alias: name, lines }), daemon);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.sshd[Symbol.asyncDispose]();
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
  /** More lines of each host's table in the fleet file. */
  readonly more?: Readonly<Record<string, string>>;
  /** Of each host; more than it has groups unless given. */
  readonly jobsMax?: number;
  /** Folders that come first on a host's path. */
  readonly bin?: Readonly<Record<string, string>>;
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
  readonly sshConfig: string;

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
    for (const name of names) hosts.push(await RigHost.start(name, options.bin?.[name]));
    const rig = new FleetRig(hosts, store, folder);
    makeRigArchive(rig.archiveFolder, symbols, options.perDay ?? 2_000);
    if (options.servesArchive === true) await rig.#serveArchive();
    writeFileSync(rig.sshConfig, hosts.map(({ sshd }) => readFileSync(sshd.configFile, "utf8")).join("\n"));
    writeFileSync(join(folder, "symbols.toml"), `schema_version = 2\n${symbols.map(entryOf).join("\n")}`);
    const tables = hosts.map((host) =>
      [
        `[hosts.${host.name}]`,
        `ssh = "${host.name}"`,
        `directory = "${host.directory}"`,
        'queue = "pueue"',
        "memory_mb = 8000",
        `jobs_max = ${options.jobsMax ?? 4}`,
        `store_url = "${store.url}"`,
        options.more?.[host.name] ?? "",
      ].join("\n"),
    );
    writeFileSync(join(folder, "fleet.toml"), `${tables.join("\n")}\n`);
    return rig;
  }

  async #serveArchive(): Promise<void> {
    this.server = new ArchiveServer(this.archiveFolder);
    this.archive = await this.server.start();
  }

  /** Holds a file of the served archive back. @returns what lets it go */
  hold(symbol: string, day: Day): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.server === undefined) throw new Error("the rig serves no archive");
    this.server.holds.set(`${symbol}-aggTrades-${day}.zip`, promise);
    return resolve;
  }

  host(name: string): RigHost {
    const host = this.hosts.find((one) => one.name === name);
    if (host === undefined) throw new Error(`the rig has no host ${name}`);
    return host;
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
      RANGEBAR_TELEGRAM_TOKEN: passwordInEnvironment,
    };
  }

  /** What must be nowhere but in files of mode 0600. */
  get secrets(): readonly string[] {
    return [this.store.password, passwordInEnvironment];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.hosts) await host[Symbol.asyncDispose]();
    await this.store.stop();
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
