import { dirname } from "node:path";
import type { QueueJob } from "./queue.ts";
import { shellWord } from "./shell-words.ts";

/** Shell lines that put a job's files in place, each whole and 0600. Their texts are in the script, never in an argument. */
export function putFilesScript(files: QueueJob["files"]): string[] {
  return files.map(({ path, text }) => {
    const temporary = shellWord(`${path}.tmp`);
    const write = `printf %s ${shellWord(text)} >${temporary} && mv -f ${temporary} ${shellWord(path)}`;
    return `(umask 077 && mkdir -p ${shellWord(dirname(path))} && ${write})`;
  });
}
