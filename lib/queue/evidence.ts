import { join } from "node:path";
import { residentPagesOfStat, startByPsCommand, startOfStat } from "../store/embedded/process-identity.ts";
import { jobFolderName, runRecordSchema, runResultSchema, type RunRecord, type RunResult } from "./job-files.ts";
import { parseJobFile } from "./job-file.ts";
import { parseLabel } from "./label.ts";
import { scopeUnit } from "./memory-scope.ts";
import { runScript, type Runner } from "./runner.ts";
import { shellWord, shellWords } from "./shell-words.ts";

/** What a host itself shows of a job, whatever its queue says. */
export interface JobEvidence {
  /** Of the last run that began. */
  readonly record: RunRecord | undefined;
  /** Of that run, once it has ended. */
  readonly result: RunResult | undefined;
  /** Its supervisor or its worker runs. */
  readonly isAlive: boolean;
  /** What its worker holds now; undefined where it has none, or the host has no /proc. */
  readonly residentBytes: number | undefined;
  /** Something runs in the scope of its symbol and segment: this job, another attempt, or what one left behind. Nothing else can start. */
  readonly isScopeActive: boolean;
}

/**
 * Looks for the jobs of these labels on their host, in one session.
 * @param stateDirectory the host's, absolute
 * @throws UnavailableError JOB_FILES when a file is of another version
 */
export async function readEvidence(
  runner: Runner,
  stateDirectory: string,
  labels: readonly string[],
): Promise<ReadonlyMap<string, JobEvidence>> {
  if (labels.length === 0) return new Map();
  const names = labels.map((label) => jobFolderName(label));
  const scopes = labels.map((label) => {
    const parsed = parseLabel(label);
    return parsed === undefined ? "" : `${scopeUnit(parsed)}.scope`;
  });
  const { stdout } = await runScript(runner, script(stateDirectory, names));
  const seen = parseSeen(stdout, runner.name);
  return new Map(
    labels.map((label, i) => {
      const { record, result } = seen.files.get(names[i] ?? "") ?? {};
      const isAlive = record !== undefined && seen.isAlive(record);
      const residentBytes = isAlive ? seen.residentBytes.get(record.workerPid ?? 0) : undefined;
      const isScopeActive = seen.activeScopes.has(scopes[i] ?? "");
      return [label, { record, result, isAlive, residentBytes, isScopeActive }];
    }),
  );
}

/**
 * Prints who runs, a line a file after its name; then how those processes are doing and which scopes are active; then the results. In this
 * order: a supervisor writes its result before it ends, so of one that was seen to be gone it is there.
 */
function script(stateDirectory: string, names: readonly string[]): string {
  const filesOf = (kind: string): string => shellWords(names.map((name) => `${name}/${kind}.json`));
  return `cd ${shellWord(join(stateDirectory, "jobs"))} 2>/dev/null || exit 0
found=$(grep -sH '' /dev/null ${filesOf("pid")})
printf '%s\\n' "$found"
pids=$(printf '%s\\n' "$found" | grep -o '"\\(pid\\|workerPid\\)":[0-9]*' | cut -d: -f2 | sort -u)
if [ -r /proc/sys/kernel/random/boot_id ]; then
  read -r boot </proc/sys/kernel/random/boot_id
  printf 'pagesize %s\\n' "$(getconf PAGESIZE)"
  for pid in $pids; do
    { read -r stat </proc/$pid/stat; } 2>/dev/null && printf 'stat %s %s %s\\n' "$pid" "$boot" "$stat"
  done
else
  for pid in $pids; do printf 'lstart %s %s\\n' "$pid" "$(${startByPsCommand} "$pid")"; done
fi
if command -v systemctl >/dev/null; then
  systemctl --user list-units --full --plain --no-legend --no-pager --state=active 'barkeep.range.*.scope' 2>/dev/null |
    while read -r unit rest; do printf 'active %s\\n' "$unit"; done
fi
grep -sH '' /dev/null ${filesOf("result")}
exit 0`;
}

interface Seen {
  readonly files: ReadonlyMap<string, { record?: RunRecord; result?: RunResult }>;
  readonly activeScopes: ReadonlySet<string>;
  /** By process id. */
  readonly residentBytes: ReadonlyMap<number, number>;
  isAlive(record: RunRecord): boolean;
}

function parseSeen(text: string, host: string): Seen {
  const files = new Map<string, { record?: RunRecord; result?: RunResult }>();
  const activeScopes = new Set<string>();
  const starts = new Map<number, string>();
  const residentBytes = new Map<number, number>();
  let pageBytes = 4096;
  for (const line of text.split("\n")) {
    const file = /^([^/]+)\/(pid|result)\.json:(.*)$/.exec(line);
    const [, name = "", kind, json = ""] = file ?? [];
    const entry = files.get(name) ?? {};
    if (kind === "pid") files.set(name, { ...entry, record: parseJobFile(runRecordSchema, json, host) });
    else if (kind === "result") files.set(name, { ...entry, result: parseJobFile(runResultSchema, json, host) });
    else {
      const [word, subject = "", ...rest] = line.trim().split(" ");
      const [boot = "", ...stat] = rest;
      const start = word === "stat" ? startOfStat(boot, stat.join(" ")) : rest.join(" ").trim();
      if (word === "stat") residentBytes.set(Number(subject), residentPagesOfStat(stat.join(" ")) * pageBytes);
      if (word === "pagesize") pageBytes = Number(subject);
      else if (word === "active") activeScopes.add(subject);
      else if (start !== undefined && start !== "") starts.set(Number(subject), start);
    }
  }
  const runs = (pid: number | undefined, start: string | undefined): boolean =>
    pid !== undefined && start !== undefined && starts.get(pid) === start;
  return {
    files,
    activeScopes,
    residentBytes,
    isAlive: (record) => runs(record.pid, record.processStart) || runs(record.workerPid, record.workerStart),
  };
}
