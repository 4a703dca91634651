import type { FleetHost } from "../../config/index.ts";
import type { Host } from "../../hosts/index.ts";
import { Failure, RetryableError } from "../../model/errors.ts";
import { PueueQueue } from "../../queue/pueue/queue.ts";
import { SlurmQueue } from "../../queue/slurm/queue.ts";
import { failed, ok, skipped, type Finding } from "../finding.ts";

const name = "queue";

/** Does the host's queue answer, in a version and a shape that are known? Asked as the queue itself asks before its work. */
export async function checkQueue(host: Host, { queue, directory }: FleetHost): Promise<Finding> {
  if (queue === "local") return skipped(name, "jobs are child processes; nothing to install");
  const back = queue === "pueue" ? new PueueQueue(host) : new SlurmQueue(host, directory);
  try {
    const { version } = await back.handshake();
    return ok(name, `${queue} ${version}`);
  } catch (error) {
    // A host that is lost in the middle says nothing of its queue.
    if (!(error instanceof Failure) || error instanceof RetryableError) throw error;
    return failed(name, error.message, error.hint ?? `see what ${queue} says there`);
  }
}
