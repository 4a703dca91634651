import { z } from "zod";
import type { FleetHost } from "../../config/index.ts";
import type { ExecResult, Host } from "../../hosts/index.ts";
import { failed, ok, type Finding } from "../finding.ts";

const name = "queue";
const notFound = 127;
const pueueMajor = 4;
const slurmPrograms = ["sbatch", "squeue", "scancel", "scontrol"];

/** A shell over SSH is no login shell: where people install programs of their own is not on its path. */
const path = 'PATH="$PATH:$HOME/.local/bin:$HOME/.cargo/bin"; export PATH; exec "$@"';

/** Since version 4 a task's state is an object; before, it could be a bare text. */
const pueueShape = z.object({
  tasks: z.record(z.string(), z.object({ status: z.record(z.string(), z.unknown()) })),
  groups: z.record(z.string(), z.object({ status: z.string(), parallel_tasks: z.number() })),
});

/** Does the host's queue answer, and in the shape that is known? */
export async function checkQueue(host: Host, { queue }: FleetHost): Promise<Finding> {
  switch (queue) {
    case "local":
      return ok(name, "child processes; nothing to install");
    case "pueue":
      return checkPueue(host);
    case "slurm":
      return checkSlurm(host);
    default:
      return queue satisfies never;
  }
}

async function checkPueue(host: Host): Promise<Finding> {
  const install = "there: cargo install pueue --version 4.0.4 --locked";
  const version = await ask(host, ["pueue", "--version"]);
  if (version.code === notFound) return failed(name, "no pueue there", install);
  const major = /^pueue (\d+)\./.exec(version.stdout)?.[1];
  const said = version.stdout.trim();
  if (Number(major) !== pueueMajor) return failed(name, `pueue ${pueueMajor} is needed, there is: ${said}`, install);
  const status = await ask(host, ["pueue", "status", "--json"]);
  if (status.code !== 0) {
    const fix = "start its daemon, there: systemctl --user enable --now pueued, or pueued --daemonize";
    return failed(name, `${said}, but its daemon does not answer`, fix);
  }
  const groups = groupsOf(status.stdout);
  if (groups === undefined) {
    const fix = "pueue and pueued must be of one version: restart the daemon";
    return failed(name, `${said}, but its status has another shape`, fix);
  }
  return ok(name, `${said}; groups: ${groups.join(", ") || "none"}`);
}

function groupsOf(text: string): string[] | undefined {
  try {
    const parsed = pueueShape.safeParse(JSON.parse(text));
    return parsed.success ? Object.keys(parsed.data.groups) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function checkSlurm(host: Host): Promise<Finding> {
  const answers = await Promise.all(slurmPrograms.map(async (program) => ask(host, [program, "--version"])));
  const missing = slurmPrograms.filter((_, i) => answers[i]?.code !== 0);
  if (missing.length > 0) {
    const fix = "there: apt-get install slurm-client, or put the cluster's programs on the account's path";
    return failed(name, `not there: ${missing.join(", ")}`, fix);
  }
  const queue = await ask(host, ["squeue", "--noheader", "--me"]);
  const version = answers[0]?.stdout.trim() ?? "";
  if (queue.code === 0) return ok(name, version);
  return failed(name, `${version}, but its controller does not answer`, "see `scontrol ping` there");
}

async function ask(host: Host, argv: readonly string[]): Promise<ExecResult> {
  return host.exec(["sh", "-c", path, "sh", ...argv], { cwd: "/", timeoutMs: 20_000 });
}
