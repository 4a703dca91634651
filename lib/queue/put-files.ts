import { dirname } from "node:path";
import { UnavailableError } from "../model/errors.ts";
import type { QueueJob } from "./queue.ts";
import type { ExecOutcome } from "./runner.ts";
import { shellWord, shellWords } from "./shell-words.ts";

/** What the script below ends with where a file cannot be written; nothing else in it does. */
const cannotWrite = 73;

/**
 * Shell lines that put jobs' files in place, 0600 in folders of 0700, before any of the jobs is queued: who is cut short in the middle of a file
 * writes it again with the job. Their texts are in the script, never in an argument; a builtin writes them, for a process for each would take longer
 * than the queueing.
 */
export function putFilesScript(jobs: readonly Pick<QueueJob, "files">[]): string[] {
  const files = jobs.flatMap((job) => job.files);
  if (files.length === 0) return [];
  const folders = [...new Set(files.map(({ path }) => dirname(path)))];
  const write = ({ path, text }: QueueJob["files"][number]): string =>
    text === undefined
      ? `[ ! -e ${shellWord(path)} ] || rm -f ${shellWord(path)} || exit ${cannotWrite}`
      : `printf %s ${shellWord(text)} >${shellWord(path)} || { rm -f ${shellWord(path)}; exit ${cannotWrite}; }`;
  return [
    `old_umask=$(umask); umask 077; mkdir -p ${shellWords(folders)} || exit ${cannotWrite}`,
    ...files.map(write),
    `umask "$old_umask"`,
  ];
}

/** What is wrong where a script with such lines ended because of one of them; undefined where it did not. */
export function putFilesFailure({ code, stderr }: ExecOutcome, host: string): UnavailableError | undefined {
  if (code !== cannotWrite) return undefined;
  return new UnavailableError(`the files of a job cannot be written on ${host}: ${stderr.trim().slice(0, 300)}`, {
    code: "HOST_WRITE",
    subject: host,
    hint: "look at its disk and at the permissions of its directory: barkeep doctor --host; none of these jobs was queued",
  });
}
