import { join } from "node:path";
import { projectRoot, type FleetHost } from "../config/index.ts";
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

/** The program on a host: its release, or this very installation on this machine. */
export function programOn(entry: FleetHost): { readonly node: string; readonly root: string } {
  const root = entry.sshAlias === undefined ? projectRoot : join(entry.directory, "current");
  const node = entry.sshAlias === undefined ? process.execPath : join(root, "node_modules", "node", "bin", "node");
  return { node, root };
}
