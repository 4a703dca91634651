import { UnavailableError } from "../../model/errors.ts";
import type { QueueTask, TaskOutcome, TaskState } from "../queue.ts";
import { parseIdentity } from "./identity.ts";

/**
 * Prints what Slurm knows of this user's jobs: those it holds, the exit codes of those that failed, and older ones from its accounts or, where
 * none are kept, from its file of completed jobs. Times are seconds since 1970, but in that file: there they are the controller's own, taken to be in
 * this host's zone.
 */
export const pollScript = `echo "zone|$(date +%z)"
export TZ=UTC SLURM_TIME_FORMAT=%s
jobs=$(squeue --noheader --me --states=all --format='job|%i|%T|%r|%S|%e|%k') || exit $?
printf '%s\\n' "$jobs"
printf '%s\\n' "$jobs" | awk -F'|' '$3 == "FAILED" && $7 ~ /^barkeep\\// { print $2 }' | while read -r id; do
  echo "exit|$id|$(scontrol --oneliner show job "$id" | sed -n 's/.* ExitCode=\\([0-9]*:[0-9]*\\).*/\\1/p')"
done
config=$(scontrol show config)
setting() { printf '%s\\n' "$config" | sed -n "s/^$1 *= *//p"; }
case "$(setting AccountingStorageType)" in
*slurmdbd | *mysql)
  sacct --noheader --parsable2 --allocations --starttime=now-7days \\
    --format=JobIDRaw,State,ExitCode,Start,End,JobName | sed 's/^/account|/' ;;
*)
  file=$(setting JobCompLoc)
  [ -r "$file" ] && grep -F 'Name=barkeep/' "$file" | sed 's/^/complete|/' ;;
esac
exit 0`;

/**
 * Reads the answer to `pollScript`; jobs of others are left out.
 * @throws UnavailableError QUEUE_UNKNOWN_STATE
 */
export function parsePoll(text: string, host: string): QueueTask[] {
  const lines = text.split("\n").map((line) => line.split("|"));
  const exits = new Map(lines.filter(([kind]) => kind === "exit").map(([, id = "", code = ""]) => [id, code]));
  const tasks = new Map<string, QueueTask>();
  const put = (identityText: string, number: string, state: () => TaskState): void => {
    const identity = parseIdentity(identityText);
    if (identity === undefined || tasks.has(identity.uuid)) return;
    const { label, createdAt, group } = identity;
    tasks.set(identity.uuid, { label, createdAt, group, number, state: state() });
  };
  const zone = lines.find(([kind]) => kind === "zone")?.[1] ?? "Z";
  // What Slurm holds now comes first, and wins over its older records of the same job.
  for (const [kind, ...fields] of lines) {
    if (kind !== "job") continue;
    const [id = "", name = "", reason = "", start = "", end = "", comment = ""] = fields;
    put(comment, id, () => stateOf({ name, reason, exit: exits.get(id) ?? "", start, end }, id, host));
  }
  for (const [kind, ...fields] of lines) {
    if (kind === "account") {
      const [id = "", name = "", exit = "", start = "", end = "", jobName = ""] = fields;
      put(jobName, id, () => stateOf({ name, reason: "", exit, start, end }, id, host));
    } else if (kind === "complete") {
      const values = new Map(
        fields
          .join("|")
          .split(" ")
          .map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
      );
      const value = (name: string): string => values.get(name) ?? "";
      const id = value("JobId");
      const times = { start: `${value("StartTime")}${zone}`, end: `${value("EndTime")}${zone}` };
      put(value("Name"), id, () =>
        stateOf({ name: value("JobState"), reason: "", exit: value("ExitCode"), ...times }, id, host),
      );
    }
  }
  return [...tasks.values()];
}

interface SlurmState {
  /** `RUNNING`; accounts add to it: `CANCELLED by 1000`. */
  readonly name: string;
  readonly reason: string;
  /** `code:signal` */
  readonly exit: string;
  readonly start: string;
  readonly end: string;
}

function stateOf(job: SlurmState, id: string, host: string): TaskState {
  const name = job.name.split(" ")[0] ?? "";
  switch (name) {
    case "PENDING":
    case "REQUEUED":
      return job.reason.startsWith("JobHeld") ? { kind: "stashed", startAt: undefined } : { kind: "queued" };
    case "REQUEUE_HOLD":
    case "SPECIAL_EXIT":
      return { kind: "stashed", startAt: undefined };
    case "CONFIGURING":
    case "RUNNING":
    case "COMPLETING":
    case "SIGNALING":
    case "STAGE_OUT":
      return { kind: "running", startedAt: utc(job.start) ?? new Date(0).toISOString() };
    case "SUSPENDED":
    case "STOPPED":
      return { kind: "paused", startedAt: utc(job.start) ?? new Date(0).toISOString() };
    default: {
      const outcome = outcomeOf(name, job.exit);
      if (outcome !== undefined) {
        const startedAt = utc(job.start);
        return { kind: "done", outcome, startedAt, endedAt: utc(job.end) ?? startedAt ?? new Date(0).toISOString() };
      }
      throw new UnavailableError(`job ${id} of Slurm on ${host} is in a state that is not known: ${job.name}`, {
        code: "QUEUE_UNKNOWN_STATE",
        subject: host,
        hint: "nothing is done on this host until its states can all be read",
      });
    }
  }
}

function outcomeOf(name: string, exit: string): TaskOutcome | undefined {
  switch (name) {
    case "COMPLETED":
      return { kind: "success" };
    case "FAILED": {
      const [code = 0, signal = 0] = exit.split(":").map(Number);
      return signal === 0 && code > 0 ? { kind: "failed", code } : { kind: "killed" };
    }
    case "CANCELLED":
      return { kind: "killed" };
    case "OUT_OF_MEMORY":
      return { kind: "out-of-memory" };
    case "TIMEOUT":
    case "DEADLINE":
      return { kind: "errored", reason: "Slurm's time limit ended it" };
    case "NODE_FAIL":
    case "BOOT_FAIL":
      return { kind: "errored", reason: "its node failed" };
    case "PREEMPTED":
    case "REVOKED":
      return { kind: "errored", reason: "Slurm took its place away" };
    default:
      return undefined;
  }
}

/** From seconds, or from text with a zone; undefined for `N/A` and `Unknown`. */
function utc(time: string): string | undefined {
  const ms = /^\d+$/.test(time) ? Number(time) * 1000 : Date.parse(time);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}
