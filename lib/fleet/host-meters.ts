import { join } from "node:path";
import { z } from "zod";
import { parseJobFile } from "../queue/job-file.ts";
import { jobFolderName } from "../queue/job-files.ts";
import { runScript, type Runner } from "../queue/runner.ts";
import { stopNoteName } from "../queue/stop-note-name.ts";
import { shellWord, shellWords } from "../queue/shell-words.ts";
import { cancelNoteName } from "./cancel-note.ts";
import { stopNoteSchema, type StopNote } from "./stop-note.ts";
import { workFileName, workFileSchema, type WorkFile } from "./work-file.ts";

/** What a machine has left. */
export interface MachineLoad {
  readonly cores: number;
  /** Processes that run or want to, over the last minute. */
  readonly load: number;
  readonly memoryBytes: number;
  readonly availableBytes: number;
}

export interface HostMeters {
  /** undefined where the host has no /proc. */
  readonly machine: MachineLoad | undefined;
  /** What the workers say, by label. */
  readonly work: ReadonlyMap<string, WorkFile>;
  /** What was noted of those that were ended on purpose, by label. */
  readonly stops: ReadonlyMap<string, StopNote>;
  /** Labels of those that a person has cancelled, from whatever machine. */
  readonly cancelled: ReadonlySet<string>;
}

/**
 * Reads a host's load and what its workers say, in one session.
 * @param stateDirectory the host's, absolute
 * @throws UnavailableError JOB_FILES for a file of another version
 */
export async function readMeters(
  runner: Runner,
  stateDirectory: string,
  labels: readonly string[],
): Promise<HostMeters> {
  const names = new Map(labels.map((label) => [jobFolderName(label), label]));
  const { stdout } = await runScript(runner, script(stateDirectory, [...names.keys()]));
  const values = new Map<string, string>();
  const work = new Map<string, WorkFile>();
  const stops = new Map<string, StopNote>();
  const cancelled = new Set<string>();
  for (const line of stdout.split("\n")) {
    const [, folder = "", file = "", json = ""] = /^([^/]+)\/([a-z]+\.json):(.*)$/.exec(line) ?? [];
    const label = names.get(folder);
    if (label !== undefined && file === workFileName) work.set(label, parseJobFile(workFileSchema, json, runner.name));
    if (label !== undefined && file === stopNoteName) stops.set(label, parseJobFile(stopNoteSchema, json, runner.name));
    if (label !== undefined && file === cancelNoteName) cancelled.add(label);
    const [word = "", first = ""] = line.split(/[\s:]+/);
    values.set(word, first);
  }
  return { machine: machineOf(values), work, stops, cancelled };
}

function script(stateDirectory: string, folders: readonly string[]): string {
  const files = folders.flatMap((folder) =>
    [workFileName, stopNoteName, cancelNoteName].map((name) => `${folder}/${name}`),
  );
  return `echo "load $(cut -d' ' -f1 /proc/loadavg 2>/dev/null)"
echo "cores $(getconf _NPROCESSORS_ONLN 2>/dev/null)"
grep -sE '^(MemTotal|MemAvailable):' /proc/meminfo
cd ${shellWord(join(stateDirectory, "jobs"))} 2>/dev/null || exit 0
${files.length === 0 ? "" : `grep -sH '' ${shellWords(files)}`}
exit 0`;
}

const machineSchema = z.object({
  cores: z.coerce.number().positive(),
  load: z.coerce.number(),
  MemTotal: z.coerce.number().positive(),
  MemAvailable: z.coerce.number(),
});

function machineOf(values: ReadonlyMap<string, string>): MachineLoad | undefined {
  const { data } = machineSchema.safeParse(Object.fromEntries(values));
  if (data === undefined) return undefined;
  const { cores, load, MemTotal: total, MemAvailable: available } = data;
  return { cores, load, memoryBytes: total * 1024, availableBytes: available * 1024 };
}
