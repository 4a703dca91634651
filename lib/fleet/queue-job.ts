import { join } from "node:path";
import type { FleetHost, Settings } from "../config/index.ts";
import { jobFolder } from "../queue/job-files.ts";
import { formatLabel, jobNameText } from "../queue/label.ts";
import type { MemoryGuard } from "../queue/memory-guard.ts";
import { scopeCommand, scopeUnit } from "../queue/memory-scope.ts";
import type { QueueJob } from "../queue/queue.ts";
import type { HostProgram } from "./fleet-host.ts";
import type { QueueableJob } from "./jobs.ts";
import { jobSnapshot } from "./snapshot.ts";

/** What is decided of a job when it is queued. */
interface Admitted {
  readonly job: QueueableJob;
  /** Counted from 1. */
  readonly attempt: number;
  readonly memoryBytes: number;
}

/** A job as its host's queue takes it: the supervisor, within a scope where the host has them, and in it the worker. */
export function queueJobOf(
  { job, attempt, memoryBytes }: Admitted,
  entry: FleetHost,
  { node, root }: HostProgram,
  guard: MemoryGuard["kind"],
  settings: Settings,
): QueueJob {
  const snapshot = jobSnapshot(job, entry, settings);
  const label = formatLabel({ ...job, attempt, settingsHash: snapshot.hash });
  const folder = jobFolder(entry.directory, label);
  const settingsFile = join(folder, "settings.json");
  const unit = scopeUnit(job);
  const options = {
    "--label": label,
    "--unit": unit,
    "--job-folder": folder,
    "--units-folder": join(entry.directory, "units"),
    "--memory-max": String(memoryBytes),
  };
  const worker = [node, join(root, "bin", "barkeep.mjs"), "run-job", jobNameText(job), "--job-folder", folder];
  const supervised: [string, ...string[]] = [
    node,
    join(root, "bin", "supervise.mjs"),
    ...Object.entries(options).flat(),
    "--",
    ...worker,
    "--hash",
    snapshot.hash,
  ];
  return {
    label,
    group: job.group,
    argv: guard === "scope" ? scopeCommand(unit, memoryBytes, supervised) : supervised,
    directory: entry.directory,
    memoryBytes,
    files: [{ path: settingsFile, text: snapshot.text }],
  };
}
