import { dirname } from "node:path";
import type { QueueJob } from "./queue.ts";
import { shellWord, shellWords } from "./shell-words.ts";

/**
 * Shell lines that put jobs' files in place, 0600 in folders of 0700, before any of the jobs is queued: who is cut short in the middle of a file
 * writes it again with the job. Their texts are in the script, never in an argument; a builtin writes them, for a process for each would take longer
 * than the queueing.
 */
export function putFilesScript(jobs: readonly Pick<QueueJob, "files">[]): string[] {
  const files = jobs.flatMap((job) => job.files);
  if (files.length === 0) return [];
  const folders = [...new Set(files.map(({ path }) => dirname(path)))];
  return [
    `old_umask=$(umask) && umask 077 && mkdir -p ${shellWords(folders)}`,
    ...files.map(({ path, text }) => `printf %s ${shellWord(text)} >${shellWord(path)}`),
    `umask "$old_umask"`,
  ];
}
