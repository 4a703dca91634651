import { join } from "node:path";
import type { z } from "zod";
import { UnavailableError } from "../model/errors.ts";
import { startOfStat } from "../store/embedded/process-identity.ts";
import { jobFolderName, runRecordSchema, runResultSchema, type RunRecord, type RunResult } from "./job-files.ts";
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
  const units = labels.map((label) => {
    const parsed = parseLabel(label);
    return parsed === undefined ? "" : `${scopeUnit(parsed)}.scope`;
  });
  const { stdout } = await runScript(runner, script(stateDirectory, names, units.filter(Boolean)));
  const seen = parseSeen(stdout, runner.name);
  return new Map(
    labels.map((label, i) => {
      const { record, result } = seen.files.get(names[i] ?? "") ?? {};
      const isAlive = record !== undefined && seen.isAlive(record);
      return [label, { record, result, isAlive, isScopeActive: seen.activeScopes.has(units[i] ?? "") }];
    }),
  );
}

/**
 * Prints who runs, a line a file after its name; then how those processes are doing and which scopes are active; then the results. In this
 * order: a supervisor writes its result before it ends, so of one that was seen to be gone it is there.
 */
function script(stateDirectory: string, names: readonly string[], units: readonly string[]): string {
  const filesOf = (kind: string): string => shellWords(names.map((name) => `${name}/${kind}.json`));
  return `cd ${shellWord(join(stateDirectory, "jobs"))} 2>/dev/null || exit 0
found=$(grep -sH '' /dev/null ${filesOf("pid")})
printf '%s\\n' "$found"
pids=$(printf '%s\\n' "$found" | grep -o '"\\(pid\\|workerPid\\)":[0-9]*' | cut -d: -f2 | sort -u)
if [ -r /proc/sys/kernel/random/boot_id ]; then
  read -r boot </proc/sys/kernel/random/boot_id
  for pid in $pids; do
    { read -r stat </proc/$pid/stat; } 2>/dev/null && printf 'stat %s %s %s\\n' "$pid" "$boot" "$stat"
  done
else
  for pid in $pids; do printf 'lstart %s %s\\n' "$pid" "$(ps -o lstart= -p "$pid")"; done
fi
for unit in ${shellWords(units)}; do
  command -v systemctl >/dev/null && systemctl --user is-active --quiet "$unit" && printf 'active %s\\n' "$unit"
done
grep -sH '' /dev/null ${filesOf("result")}
exit 0`;
}

interface Seen {
  readonly files: ReadonlyMap<string, { record?: RunRecord; result?: RunResult }>;
  readonly activeScopes: ReadonlySet<string>;
  isAlive(record: RunRecord): boolean;
}

function parseSeen(text: string, host: string): Seen {
  const files = new Map<string, { record?: RunRecord; result?: RunResult }>();
  const activeScopes = new Set<string>();
  const starts = new Map<number, string>();
  for (const line of text.split("\n")) {
    const file = /^([^/]+)\/(pid|result)\.json:(.*)$/.exec(line);
    const [, name = "", kind, json = ""] = file ?? [];
    const entry = files.get(name) ?? {};
    if (kind === "pid") files.set(name, { ...entry, record: parseFile(runRecordSchema, json, host) });
    else if (kind === "result") files.set(name, { ...entry, result: parseFile(runResultSchema, json, host) });
    else {
      const [word, subject = "", ...rest] = line.trim().split(" ");
      const start = word === "stat" ? startOfStat(rest[0] ?? "", rest.slice(1).join(" ")) : rest.join(" ").trim();
      if (word === "active") activeScopes.add(subject);
      else if (start !== undefined && start !== "") starts.set(Number(subject), start);
    }
  }
  const runs = (pid: number | undefined, start: string | undefined): boolean =>
    pid !== undefined && start !== undefined && starts.get(pid) === start;
  return {
    files,
    activeScopes,
    isAlive: (record) => runs(record.pid, record.processStart) || runs(record.workerPid, record.workerStart),
  };
}

function parseFile<Schema extends z.ZodType>(schema: Schema, json: string, host: string): z.output<Schema> {
  const { data, error } = schema.safeParse(JSON.parse(json));
  if (data !== undefined) return data;
  throw new UnavailableError(`a job's file on ${host} is of another version: ${json.slice(0, 120)}`, {
    code: "JOB_FILES",
    subject: host,
    hint: "another release of barkeep wrote it; update this one",
    cause: error,
  });
}
