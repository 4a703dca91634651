import type { ProcessEnvironment, Settings } from "../../config/index.ts";
import { jobNameText, parseLabel } from "../../queue/label.ts";
import type { QueueTask } from "../../queue/queue.ts";
import type { OpenFleetHost } from "../fleet-host.ts";
import { changeHostMemory, type StoppedJob } from "../host-memory.ts";
import { retryJobs } from "../retry.ts";
import type { QueueLook } from "./reading.ts";

/**
 * Queues jobs again that were stopped to make room and have ended; they keep their place. Forgets those that have ended well, or
 * that are a person's by now.
 * @param mayQueue false while nothing is admitted
 * @returns the jobs that were queued
 * @throws the first failure of the host
 */
export async function requeueStopped(
  fleetHost: OpenFleetHost,
  look: QueueLook,
  mayQueue: boolean,
  settings: Settings,
  env: ProcessEnvironment,
): Promise<string[]> {
  const { stopped } = look.memory;
  const over = stopped.filter((one) => fateOf(one, look) === "over");
  if (over.length > 0) {
    await changeHostMemory(fleetHost, (memory) => ({
      ...memory,
      stopped: memory.stopped.filter((one) => !over.some((gone) => isSame(gone, one))),
    }));
  }
  const ready = stopped.filter((one) => fateOf(one, look) === "stopped").map(({ job }) => job);
  if (!mayQueue || ready.length === 0) return [];
  const request = { entries: [fleetHost.entry], patterns: ready, resumes: false, failsMax: undefined, isPlan: false };
  const { jobs, failures } = await retryJobs(request, settings, env, () => undefined);
  const [failed] = failures;
  if (failed !== undefined) throw failed.failure;
  return jobs.flatMap(({ job, queued }) => (queued === undefined ? [] : [job]));
}

function isSame(a: StoppedJob, b: StoppedJob): boolean {
  return a.label === b.label && a.createdAt === b.createdAt;
}

/** `live`: it runs or waits; `stopped`: it ended as it was asked to; `over`: nothing more is to be done about it here. */
function fateOf({ job, createdAt }: StoppedJob, { snapshot, unattended }: QueueLook): "live" | "stopped" | "over" {
  const tasks = snapshot.tasks.filter((task) => jobOf(task) === job);
  if (tasks.some(({ label, state }) => state.kind !== "done" || unattended.has(label))) return "live";
  const [last] = tasks.toSorted((a, b) => (a.createdAt > b.createdAt ? -1 : 1));
  if (last === undefined || last.createdAt !== createdAt || last.state.kind !== "done") return "over";
  return last.state.outcome.kind === "success" ? "over" : "stopped";
}

function jobOf({ label }: QueueTask): string | undefined {
  const parsed = parseLabel(label);
  return parsed === undefined ? undefined : jobNameText(parsed);
}
