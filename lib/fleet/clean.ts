import { join } from "node:path";
import type { Ledger } from "../ledger/index.ts";
import { UnavailableError } from "../model/errors.ts";
import { exitCodes } from "../model/exit-codes.ts";
import { readEvidence } from "../queue/evidence.ts";
import { jobFolderName } from "../queue/job-files.ts";
import { parseLabel } from "../queue/label.ts";
import { hasSucceeded, type QueueTask } from "../queue/queue.ts";
import { runScript } from "../queue/runner.ts";
import { shellWord, shellWords } from "../queue/shell-words.ts";
import type { OpenFleetHost } from "./fleet-host.ts";
import { recordResults } from "./results.ts";

export interface Cleaned {
  /** Tasks that succeeded and are forgotten. */
  readonly succeeded: number;
  /** Tasks that did not, or only in part, or that others still come after: they stay. */
  readonly kept: number;
  /** Folders of jobs that succeeded long ago, removed. */
  readonly folders: number;
}

/** So long a job's folder stays that succeeded: what it took is what later ones are planned by. */
export const keptDays = 30;

/**
 * Lets a host's queue forget what succeeded, and removes folders of jobs that did so {@link keptDays} ago. What failed is evidence: it
 * stays in both.
 */
export async function cleanQueue(fleetHost: OpenFleetHost, ledger: Ledger, isPlan: boolean): Promise<Cleaned> {
  const { entry, queue } = fleetHost;
  const { tasks } = await queue.poll();
  const done = tasks.filter(({ state }) => state.kind === "done").length;
  const successes = tasks.filter(hasSucceeded);
  const partial = await builtInPart(fleetHost, successes);
  const whole = successes.filter((task) => !partial.has(task));
  const old = await oldFolders(fleetHost, tasks);
  let succeeded = whole.length;
  if (succeeded + old.length > 0 && !isPlan) {
    await recordResults(fleetHost, tasks, ledger);
    ledger.journal.record("queue.cleaning", entry.name, { succeeded, folders: old });
    if (succeeded > 0) succeeded = await queue.clean(whole);
    if (old.length > 0) await run(fleetHost, `rm -rf -- ${shellWords(old)}`);
  }
  return { succeeded, kept: done - succeeded, folders: old.length };
}

/** Of what the queue calls well ended: a job that others wait for may have been built in part, and its worker has said so. */
async function builtInPart(
  { entry, host }: OpenFleetHost,
  successes: readonly QueueTask[],
): Promise<ReadonlySet<QueueTask>> {
  const ours = successes.filter(({ label }) => parseLabel(label) !== undefined);
  const evidence = await readEvidence(
    host,
    entry.directory,
    ours.map(({ label }) => label),
  );
  return new Set(ours.filter(({ label }) => (evidence.get(label)?.result?.exitCode ?? exitCodes.ok) !== exitCodes.ok));
}

/** Names of the folders that may go. Of a job that runs there is no result; of one that waits again its settings are needed. */
async function oldFolders(fleetHost: OpenFleetHost, tasks: readonly QueueTask[]): Promise<string[]> {
  const live = tasks.filter(({ state }) => state.kind !== "done");
  const needed = new Set(live.map(({ label }) => jobFolderName(label)));
  const find = `find . -mindepth 2 -maxdepth 2 -name result.json -mtime +${keptDays} -exec grep -lF '"outcome":"exited","exitCode":0,' {} +`;
  const found = (await run(fleetHost, `${find}; true`)).split("\n").filter((line) => line !== "");
  const names = found.map((path) => path.split("/")[1] ?? "");
  return names.filter((name) => name !== "" && !needed.has(name));
}

/** In the folder of all jobs. @returns nothing where there is none yet */
async function run({ entry, host }: OpenFleetHost, script: string): Promise<string> {
  const jobs = shellWord(join(entry.directory, "jobs"));
  const { code, stdout, stderr } = await runScript(host, `[ -d ${jobs} ] || exit 0\ncd ${jobs} || exit 1\n${script}`);
  if (code === 0) return stdout;
  throw new UnavailableError(`job folders of ${entry.name} cannot be cleaned: ${stderr.trim()}`, {
    code: "JOB_FILES",
    subject: entry.name,
  });
}
