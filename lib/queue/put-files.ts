import { dirname } from "node:path";
import { UnavailableError } from "../model/errors.ts";
import type { QueueJob } from "./queue.ts";
import type { ExecOutcome } from "./runner.ts";
import { shellWord } from "./shell-words.ts";

/** What the script below ends with where a file cannot be written; nothing else in it does. */
const cannotWrite = 73;

/** Shell lines that put a job's files in place, each whole and 0600. Their texts are in the script, never in an argument. */
export function putFilesScript(files: QueueJob["files"]): string[] {
  return files.map(({ path, text }) => {
    const temporary = shellWord(`${path}.tmp`);
    const write = `printf %s ${shellWord(text)} >${temporary} && mv -f ${temporary} ${shellWord(path)}`;
    return `(umask 077 && mkdir -p ${shellWord(dirname(path))} && ${write}) || { rm -f ${temporary}; exit ${cannotWrite}; }`;
  });
}

/** What is wrong where a script with such lines ended because of one of them; undefined where it did not. */
export function putFilesFailure({ code, stderr }: ExecOutcome, host: string): UnavailableError | undefined {
  if (code !== cannotWrite) return undefined;
  return new UnavailableError(`the files of a job cannot be written on ${host}: ${stderr.trim().slice(0, 300)}`, {
    code: "HOST_WRITE",
    subject: host,
    hint: "look at its disk and at the permissions of its directory: barkeep doctor --host; jobs before this one are queued, and are not queued twice when you ask again",
  });
}
