import { join } from "node:path";
import type { FleetHost } from "../config/index.ts";
import { jobFolder } from "../queue/job-files.ts";
import { formatLabel, jobNameText } from "../queue/label.ts";
import type { MemoryGuard } from "../queue/memory-guard.ts";
import { memoryOption } from "../queue/memory-option.ts";
import { scopeCommand, scopeUnit } from "../queue/memory-scope.ts";
import type { QueueJob } from "../queue/queue.ts";
import { cancelNotePath } from "./cancel-note.ts";
import type { HostProgram } from "./fleet-host.ts";
import type { QueueableJob } from "./jobs.ts";
import { stopNotePath } from "./stop-note.ts";
import { jobSnapshot, type SnapshotSettings } from "./snapshot.ts";

/** What is decided of a job when it is queued. */
interface Admitted {
  readonly job: QueueableJob;
  /** Counted from 1. */
  readonly attempt: number;
  readonly memoryBytes: number;
  /** Others wait for its good end: what it builds in part, because the archive has holes, is good enough for them. */
  readonly isCanary: boolean;
  /** See {@link QueueJob}. */
  readonly waitingSinceMs: number | undefined;
}

/** A job as its host's queue takes it: the supervisor, within a scope where the host has them, and in it the worker. */
export function queueJobOf(
  { job, attempt, memoryBytes, isCanary, waitingSinceMs }: Admitted,
  entry: FleetHost,
  { node, root }: HostProgram,
  guard: MemoryGuard["kind"],
  settings: SnapshotSettings,
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
    [memoryOption]: String(memoryBytes),
  };
  // The program itself: the launcher would only look for the right Node once more.
  const worker = [node, join(root, "ops", "run-job.ts"), jobNameText(job), "--job-folder", folder];
  const supervised: [string, ...string[]] = [
    node,
    join(root, "bin", "supervise.mjs"),
    ...Object.entries(options).flat(),
    ...(isCanary ? ["--partly-is-well"] : []),
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
    // What was said of an earlier run under the same label is not said of this one.
    files: [
      { path: settingsFile, text: snapshot.text },
      { path: cancelNotePath({ entry }, label), text: undefined },
      { path: stopNotePath(entry.directory, label), text: undefined },
    ],
    waitingSinceMs,
  };
}
