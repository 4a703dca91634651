import { z } from "zod";
import type { FleetHost } from "../config/index.ts";
import type { Host } from "../hosts/index.ts";
import { UnavailableError } from "../model/errors.ts";
import { runScript as runQueueScript } from "../queue/runner.ts";

const askTimeoutMs = 60_000;
const inPath = /\/releases\/([0-9a-f]{16})\//g;

/**
 * Releases on a host that something there still needs: processes that run from them, and jobs that wait to. A job is started by the
 * real path of the release it was queued with.
 * @returns their names; undefined where that cannot be known, and then nothing may be removed
 */
export async function usedReleases(host: Host, entry: FleetHost): Promise<ReadonlySet<string> | undefined> {
  const texts = await Promise.all([ofProcesses(host), ofQueue(host, entry)]);
  if (texts.includes(undefined)) return undefined;
  return new Set([...texts.join("\n").matchAll(inPath)].map(([, name = ""]) => name));
}

/** Programs of processes where the system shows them, and the words they were started with. */
async function ofProcesses(host: Host): Promise<string | undefined> {
  const script = "ls -l /proc/[0-9]*/exe 2>/dev/null; ps -A -o args= -ww || ps -ax -o args= -ww";
  const { code, stdout } = await host.exec(["sh", "-c", script], { cwd: "/", timeoutMs: askTimeoutMs });
  return code === 0 ? stdout : undefined;
}

const pueueTasks = z.object({
  tasks: z.record(z.string(), z.object({ status: z.record(z.string(), z.unknown()), command: z.string() })),
});

/** The commands of jobs that are not done, in whatever form the queue keeps them. */
async function ofQueue(host: Host, { queue, directory }: FleetHost): Promise<string | undefined> {
  if (queue === "pueue") {
    const { code, stdout } = await runQueueScript(host, "pueue status --json");
    if (code !== 0) return undefined;
    const { tasks } = pueueTasks.parse(JSON.parse(stdout));
    const waiting = Object.values(tasks).filter(({ status }) => !("Done" in status));
    return waiting.map(({ command }) => command).join("\n");
  }
  if (queue === "slurm") {
    // Slurm has a copy of each job's script of its own, and shows it to nobody else.
    const { code, stdout } = await runQueueScript(host, "squeue --noheader --me");
    return code === 0 && stdout.trim() === "" ? "" : undefined;
  }
  // Its own files, one line of JSON each.
  const script = `grep -rhv '"state":{"kind":"done"' "$1/queue/tasks" 2>/dev/null; true`;
  const { code, stdout } = await host.exec(["sh", "-c", script, "sh", directory], {
    cwd: "/",
    timeoutMs: askTimeoutMs,
  });
  if (code === 0) return stdout;
  throw new UnavailableError(`the queue of ${host.name} cannot be read`, { code: "DEPLOY_HOST", subject: host.name });
}
