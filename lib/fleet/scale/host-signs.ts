import { join } from "node:path";
import { jobFolderName } from "../../queue/job-files.ts";
import { runScript, type Runner } from "../../queue/runner.ts";
import { shellWord, shellWords } from "../../queue/shell-words.ts";
import { parseLoadAverage, parseMemory, parsePressure, type LoadAverage, type Memory } from "../../plan/proc.ts";
import type { HostPressure } from "../../plan/scaler/reading.ts";

/** What a host says of itself. What could not be read is undefined. */
export interface HostSigns {
  readonly cores: number | undefined;
  readonly load: LoadAverage | undefined;
  readonly memory: Memory | undefined;
  /** `none`: its kernel does not measure it. */
  readonly pressure: HostPressure | "none" | undefined;
  /** The most that running jobs have held so far, bytes, by label. */
  readonly peaks: ReadonlyMap<string, number>;
}

const files = {
  cpu: "/proc/pressure/cpu",
  memory: "/proc/pressure/memory",
  io: "/proc/pressure/io",
  meminfo: "/proc/meminfo",
  loadavg: "/proc/loadavg",
} as const;

/**
 * Reads a host's pressure, memory and load, and what its running jobs have held at the most, in one session.
 * @param stateDirectory the host's, absolute
 * @param labels of jobs that run
 */
export async function readHostSigns(
  runner: Runner,
  stateDirectory: string,
  labels: readonly string[],
): Promise<HostSigns> {
  const folders = new Map(labels.map((label) => [jobFolderName(label), label]));
  const { stdout } = await runScript(runner, script(stateDirectory, [...folders.keys()]));
  const texts = new Map<string, string>();
  const peaks = new Map<string, number>();
  for (const line of stdout.split("\n")) {
    const [, name = "", text = ""] = /^(\S+?):(.*)$/.exec(line) ?? [];
    const label = folders.get(name);
    if (label === undefined) texts.set(name, `${texts.get(name) ?? ""}${text}\n`);
    else if (/^\d{1,15}$/.test(text)) peaks.set(label, Number(text));
  }
  const textOf = (name: string): string => texts.get(name) ?? "";
  const cores = Number(textOf("cores"));
  return {
    cores: Number.isInteger(cores) && cores > 0 ? cores : undefined,
    load: parseLoadAverage(textOf(files.loadavg)),
    memory: parseMemory(textOf(files.meminfo)),
    pressure: pressureOf(texts),
    peaks,
  };
}

/** Each line behind the name of its file; of a job the peak of its scope, or else of its worker's resident memory, in bytes. */
function script(stateDirectory: string, folders: readonly string[]): string {
  return `grep -sH '' ${shellWords(Object.values(files))}
echo "cores:$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
cd ${shellWord(join(stateDirectory, "jobs"))} 2>/dev/null || exit 0
for folder in ${shellWords(folders)}; do
  pid=$(sed -n 's/.*"workerPid":\\([0-9]*\\).*/\\1/p' "$folder/pid.json" 2>/dev/null)
  [ -n "$pid" ] || continue
  scope=$(sed -n 's/^0:://p' "/proc/$pid/cgroup" 2>/dev/null)
  peak=
  case "$scope" in *.scope) peak=$(cat "/sys/fs/cgroup$scope/memory.peak" 2>/dev/null) ;; esac
  [ -n "$peak" ] || peak=$(awk '/^VmHWM:/ { printf "%.0f", $2 * 1024 }' "/proc/$pid/status" 2>/dev/null)
  echo "$folder:$peak"
done
exit 0`;
}

/** A kernel without any of the three files does not measure pressure; one of which some cannot be read is not known. */
function pressureOf(texts: ReadonlyMap<string, string>): HostSigns["pressure"] {
  const [cpuText, memoryText, ioText] = [files.cpu, files.memory, files.io].map((name) => texts.get(name));
  if (cpuText === undefined && memoryText === undefined && ioText === undefined) return "none";
  const cpu = parsePressure(cpuText ?? "");
  const memory = parsePressure(memoryText ?? "");
  const io = parsePressure(ioText ?? "");
  return cpu === undefined || memory === undefined || io === undefined ? undefined : { cpu, memory, io };
}
