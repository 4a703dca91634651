import { join } from "node:path";
import { projectRoot, type FleetHost } from "../config/index.ts";
import { releasePrograms } from "../deploy/programs.ts";
import { openHost, type Host } from "../hosts/index.ts";
import { ConfigurationError } from "../model/errors.ts";
import { LocalQueue } from "../queue/local/queue.ts";
import { PueueQueue } from "../queue/pueue/queue.ts";
import type { Queue } from "../queue/queue.ts";
import { SlurmQueue } from "../queue/slurm/queue.ts";

/** A host of the fleet with its queue. Close it, or the program does not end. */
export interface OpenFleetHost extends AsyncDisposable {
  readonly entry: FleetHost;
  readonly host: Host;
  readonly queue: Queue;
}

/**
 * Opens a host; nothing is connected before its first use.
 * @param attempts how often to try to connect
 * @throws ConfigurationError QUEUE_NOT_LOCAL for a local queue on another machine
 */
export function openFleetHost(entry: FleetHost, sshConfigFile: string | undefined, attempts = 3): OpenFleetHost {
  const host = openHost(entry, sshConfigFile, { attempts });
  const queue = queueOf(entry, host);
  return { entry, host, queue, [Symbol.asyncDispose]: async (): Promise<void> => host.close() };
}

function queueOf(entry: FleetHost, host: Host): Queue {
  switch (entry.queue) {
    case "pueue":
      return new PueueQueue(host);
    case "slurm":
      return new SlurmQueue(host, join(entry.directory, "slurm"));
    case "local":
      if (entry.sshAlias === undefined) return new LocalQueue(join(entry.directory, "queue"), entry.name);
      throw new ConfigurationError(`the queue of ${entry.name} is "local", and it is another machine`, {
        code: "QUEUE_NOT_LOCAL",
        subject: entry.name,
        hint: 'the built-in queue runs jobs of this machine only: queue = "pueue" or "slurm" there',
      });
    default:
      return entry.queue satisfies never;
  }
}

/** Where a host has the program: Node, and the folder of a release or of this installation. */
export interface HostProgram {
  readonly node: string;
  readonly root: string;
}

/**
 * The program on a host: its current release by its real path, so that what is queued finishes on it whatever is deployed meanwhile; on
 * this machine this very installation.
 * @throws ConfigurationError NO_RELEASE
 */
export async function programOn({ entry, host }: OpenFleetHost): Promise<HostProgram> {
  if (entry.sshAlias === undefined) return { node: process.execPath, root: projectRoot };
  const { code, stdout } = await host.exec(
    ["sh", "-c", 'cd -P -- "$1" && pwd -P', "sh", join(entry.directory, "current")],
    {
      cwd: "/",
      timeoutMs: 60_000,
    },
  );
  const root = stdout.trim();
  if (code === 0) return { node: releasePrograms(root).node, root };
  throw new ConfigurationError(`${entry.name} has no release`, {
    code: "NO_RELEASE",
    subject: entry.name,
    hint: `barkeep deploy ${entry.name}`,
  });
}
