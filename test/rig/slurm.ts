import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LocalRunner } from "./local-runner.ts";
import { freePort } from "./ports.ts";

const programs = ["/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch"];
const memoryCgroup = "/sys/fs/cgroup/memory";

/** What a test says when it cannot run, or false. */
export const skipWithoutSlurm = reasonToSkip();

function reasonToSkip(): string | false {
  const missing = programs.find((program) => !existsSync(program));
  if (missing !== undefined) return `${missing} is not installed: bash scripts/test-tools.sh slurm`;
  if (process.getuid?.() !== 0) return "a Slurm of its own needs root";
  return existsSync(memoryCgroup)
    ? false
    : "Slurm's limits are tested with version 1 of cgroups, which this host has not";
}

/** A Slurm of one node on this machine, with its own key, ports and folders; no accounts are kept. */
export class SlurmCluster implements AsyncDisposable {
  readonly home: string;
  readonly runner: LocalRunner;
  readonly #munge: ChildProcess;
  #controller: ChildProcess;
  readonly #node: ChildProcess;

  private constructor(home: string, runner: LocalRunner, munge: ChildProcess) {
    this.home = home;
    this.runner = runner;
    this.#munge = munge;
    this.#controller = start(runner, controller);
    this.#node = start(runner, ["/usr/sbin/slurmd", "-D", "-N", hostname()]);
  }

  /** @param env what the caller's environment holds besides */
  static async start(home: string, env: Readonly<Record<string, string>> = {}): Promise<SlurmCluster> {
    for (const name of ["munge", "state", "spool"]) mkdirSync(join(home, name), { mode: 0o755 });
    const config = join(home, "slurm.conf");
    writeFileSync(config, await slurmConfig(home));
    writeFileSync(join(home, "cgroup.conf"), cgroupConfig);
    const own = (name: string): string => join(home, "munge", name);
    writeFileSync(own("key"), randomBytes(1024), { mode: 0o400 });
    const runner = new LocalRunner({ HOME: home, PATH: process.env["PATH"] ?? "", SLURM_CONF: config, ...env });
    const files = ["pid", "log", "seed"].map((name) => `--${name}-file=${own(name)}`);
    const socket = [`--socket=${own("socket")}`, `--key-file=${own("key")}`];
    const munge = start(runner, ["/usr/sbin/munged", "--foreground", "--force", ...socket, ...files]);
    while (!existsSync(own("socket"))) await delay(50);
    const cluster = new SlurmCluster(home, runner, munge);
    await cluster.#idle();
    return cluster;
  }

  /** The controller is killed and comes back without its jobs, as after a crash within seconds of their submission. */
  async forget(): Promise<void> {
    this.#controller.kill("SIGKILL");
    await once(this.#controller, "exit");
    this.#controller = start(this.runner, controller);
    await this.#idle();
  }

  async run(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.runner.exec(argv, { cwd: "/", input: "" });
    if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("scancel", "--full", "--signal=KILL", "--user=root");
    for (const child of [this.#node, this.#controller, this.#munge]) {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
  }

  async #idle(): Promise<void> {
    for (let attempt = 0; attempt < 1000; attempt += 1) {
      const { stdout } = await this.runner.exec(["sinfo", "-h", "-o", "%T"], { cwd: "/", input: "" });
      if (stdout.trim() === "idle") return;
      await delay(100);
    }
    const log = (name: string): string => readFileSync(join(this.home, name), "utf8").slice(-2000);
    throw new Error(`Slurm does not start:\n${log("slurmctld.log")}\n${log("slurmd.log")}`);
  }
}

/** -c: without what an earlier one had saved. */
const controller = ["/usr/sbin/slurmctld", "-D", "-c"];

function start(runner: LocalRunner, [program = "", ...args]: readonly string[]): ChildProcess {
  return spawn(program, args, { env: runner.env, stdio: "ignore" });
}

async function slurmConfig(home: string): Promise<string> {
  const node = hostname();
  return `ClusterName=rig
SlurmctldHost=${node}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${home}/munge/socket
CredType=cred/munge
SlurmctldPort=${await freePort()}
SlurmdPort=${await freePort()}
StateSaveLocation=${home}/state
SlurmdSpoolDir=${home}/spool
SlurmctldPidFile=${home}/slurmctld.pid
SlurmdPidFile=${home}/slurmd.pid
SlurmctldLogFile=${home}/slurmctld.log
SlurmdLogFile=${home}/slurmd.log
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=task=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0
JobCompType=jobcomp/filetxt
JobCompLoc=${home}/complete
AccountingStorageType=accounting_storage/none
ReturnToService=2
MinJobAge=300
KillWait=5
MpiDefault=none
MailProg=/bin/true
NodeName=${node} NodeAddr=127.0.0.1 CPUs=2 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefMemPerCPU=500 State=UP OverSubscribe=NO
`;
}

const cgroupConfig = `CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
CgroupAutomount=no
ConstrainRAMSpace=yes
ConstrainSwapSpace=no
`;
