import { join } from "node:path";
import type { Ledger } from "../ledger/index.ts";
import { UnavailableError } from "../model/errors.ts";
import { groupOf } from "../model/groups.ts";
import { jobFolder } from "../queue/job-files.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import type { JobView } from "./host-view.ts";
import type { QueueableJob } from "./jobs.ts";
import { parsePlanOf } from "./snapshot.ts";

/** A job as it was queued, read from its folder on its host. */
export interface QueuedBefore {
  readonly view: JobView;
  readonly job: QueueableJob;
}

/**
 * Reads back what jobs were queued with, so that exactly that can be queued again, from whatever machine.
 * @throws UnavailableError JOB_FILES where a job's folder is gone
 */
export async function readQueuedJobs(
  { host, entry }: OpenFleetHost,
  views: readonly JobView[],
  ledger: Ledger,
): Promise<QueuedBefore[]> {
  const jobs: QueuedBefore[] = [];
  for (const view of views) {
    const path = join(jobFolder(entry.directory, view.task.label), "settings.json");
    const text = (await host.readFile(path))?.toString("utf8");
    if (text === undefined) {
      throw new UnavailableError(`what ${view.job} was queued with is not on ${entry.name} any more`, {
        code: "JOB_FILES",
        subject: path,
        hint: "plan it anew: barkeep populate --host",
      });
    }
    const { venue, market, symbol, thresholds, segment } = view.label;
    const name = { venue, market, symbol, thresholds, segment };
    const archiveBytes = ledger.jobAttempts.archiveBytes(view.job);
    jobs.push({ view, job: { ...name, group: groupOf(thresholds), archiveBytes, ...parsePlanOf(text, path) } });
  }
  return jobs;
}
