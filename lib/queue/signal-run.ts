import { startByPsCommand } from "../store/embedded/process-identity.ts";
import type { RunRecord } from "./job-files.ts";
import { runScript, type Runner } from "./runner.ts";
import { shellWord } from "./shell-words.ts";

/** A process of a host, and when it began, so that a later one with the same number is not taken for it. */
interface KnownProcess {
  readonly pid: number;
  readonly start: string;
}

/**
 * Ends runs that their queue has lost sight of, by the processes that their supervisors wrote down; in one session. `stop` is heard by the
 * supervisor, which passes it on, or by a worker that outlived it. `kill` ends the worker, so that a supervisor still says what became of it.
 * @returns those of which a process was there and got its signal, in their order
 */
export async function signalRuns(
  runner: Runner,
  records: readonly RunRecord[],
  how: "stop" | "kill",
): Promise<readonly RunRecord[]> {
  if (records.length === 0) return [];
  const lines = records.flatMap((record, i) => {
    const [first, second] = targetsOf(record, how).map(
      ({ pid, start }) => `end ${pid} ${shellWord(start)} ${how === "kill" ? "KILL" : "TERM"}`,
    );
    return first === undefined ? [] : [`{ ${[first, second].filter(Boolean).join(" || ")}; } && echo ${i}`];
  });
  const { stdout } = await runScript(runner, [endFunction, ...lines, "exit 0"].join("\n"));
  const reached = new Set(stdout.split("\n"));
  return records.filter((_record, i) => reached.has(String(i)));
}

/** Whom to try, in this order. Until its worker is on file only a supervisor is known; to kill that would leave the worker alone. */
function targetsOf(record: RunRecord, how: "stop" | "kill"): KnownProcess[] {
  const { pid, processStart, workerPid, workerStart } = record;
  const supervisor = { pid, start: processStart };
  if (workerPid === undefined || workerStart === undefined) return how === "stop" ? [supervisor] : [];
  const worker = { pid: workerPid, start: workerStart };
  return how === "stop" ? [supervisor, worker] : [worker];
}

/** `end PID START SIGNAL`, where the start is that of `processStart`. Fails where no such process is there. */
const endFunction = `start_of() {
  if [ -r /proc/sys/kernel/random/boot_id ]; then
    read -r boot </proc/sys/kernel/random/boot_id && { read -r stat </proc/$1/stat; } 2>/dev/null || return 1
    set -- \${stat##*) }
    case $1 in Z | X) return 1 ;; esac
    printf '%s/%s' "$boot" "\${20}"
  else ${startByPsCommand} "$1" | sed 's/^ *//;s/ *$//'; fi
}
end() { [ "$(start_of "$1")" = "$2" ] && kill -s "$3" "$1"; }`;
