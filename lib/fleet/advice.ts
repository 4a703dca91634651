import type { FleetHost } from "../config/index.ts";
import { outgrownAdvice } from "../plan/memory.ts";
import { explainState } from "../queue/explain.ts";
import type { Queue, QueueGroup, QueueTask } from "../queue/queue.ts";
import type { Whereabouts } from "../queue/reconcile.ts";
import { shellWords } from "../queue/shell-words.ts";
import type { Hold } from "./host-memory.ts";
import { hostLimitBytes } from "./placement.ts";
import type { StopNote } from "./stop-note.ts";
import type { WorkFile } from "./work-file.ts";

/** What a job's state means, and the one command that gets out of it; none where there is nothing to do. */
export interface Advice {
  readonly text: string;
  readonly fix: string | undefined;
}

/** What is known of a job. */
export interface Standing {
  readonly job: string;
  readonly task: QueueTask;
  readonly group: QueueGroup | undefined;
  /** Set where barkeep itself holds the group. */
  readonly hold: Hold | undefined;
  /** Set where it was ended to make room; and whether it is queued again by itself. */
  readonly stop: { readonly note: StopNote; readonly isToGoOn: boolean } | undefined;
  readonly where: Whereabouts;
  readonly work: WorkFile | undefined;
  readonly entry: Pick<FleetHost, "name" | "memoryMb">;
  readonly queue: Queue["kind"];
}

/** Says in words how a job stands, and what to type here, on the operator's machine. */
export function adviceOn(standing: Standing): Advice {
  const { queue, task, group, hold, where, work, entry } = standing;
  if (hold !== undefined && where.kind === "waiting" && task.state.kind === "queued") return adviceOnHeld(hold, entry);
  const explained = explainState(queue, task, group, where);
  if (standing.stop !== undefined) return adviceOnStopped(standing.stop, explained.text, standing);
  const fix = fixOf(standing) ?? (explained.fix === undefined ? undefined : onHost(standing, explained.fix));
  const failure = where.kind === "finished" ? work?.failures.at(-1) : undefined;
  if (failure === undefined) return { text: explained.text, fix };
  const hint = failure.hint === null ? "" : `; ${failure.hint}`;
  return { text: `${explained.text}. ${failure.code}: ${failure.message}${hint}`, fix };
}

function adviceOnHeld({ group, why, reason }: Hold, entry: Pick<FleetHost, "name">): Advice {
  const fix = why === "drained" ? shellWords(["barkeep", "undrain", entry.name]) : scaleCommand(entry);
  return { text: `its group ${group} is held: ${reason}`, fix };
}

function adviceOnStopped(
  { note, isToGoOn }: NonNullable<Standing["stop"]>,
  end: string,
  { job, entry }: Standing,
): Advice {
  const then = isToGoOn ? ", and is queued again when there is some" : "";
  const text = `it was stopped to make room${then} (${note.reason}): ${end}`;
  return { text, fix: isToGoOn ? scaleCommand(entry) : retryCommand(job, entry) };
}

function scaleCommand({ name }: Pick<FleetHost, "name">): string {
  return shellWords(["barkeep", "autoscale", "--apply", "--host", name]);
}

function fixOf({ job, group, where, entry, task }: Standing): string | undefined {
  switch (where.kind) {
    case "waiting":
      if (task.state.kind !== "queued" || group?.status !== "paused") return undefined;
      return shellWords(["barkeep", "groups", "resume", group.name, "--host", entry.name]);
    case "running":
      return undefined;
    case "finished":
      if (where.result.outcome === "exited" && where.result.exitCode === 0) return undefined;
      return quarantineOf(where, entry) === undefined ? retryCommand(job, entry) : undefined;
    case "not-started":
      if (task.state.kind === "done" && task.state.outcome.kind === "success") return undefined;
      return retryCommand(job, entry);
    case "lost":
      return retryCommand(job, entry);
    default:
      return where satisfies never;
  }
}

/** Why no attempt on this host can succeed; undefined where one may. */
export function quarantineOf(where: Whereabouts, entry: Pick<FleetHost, "memoryMb">): string | undefined {
  if (where.kind !== "finished" || where.result.outcome !== "out-of-memory") return undefined;
  const { memoryMaxBytes = 0, memoryPeakBytes } = where.result;
  const attempt = { limitBytes: memoryMaxBytes, peakBytes: memoryPeakBytes, wasOutOfMemory: true };
  return outgrownAdvice(attempt, hostLimitBytes(entry));
}

function retryCommand(job: string, { name }: Pick<FleetHost, "name">): string {
  return shellWords(["barkeep", "retry", job, "--host", name]);
}

/** The queue's own command, to be typed there. */
function onHost({ entry }: Standing, fix: string): string {
  return `on ${entry.name}: ${fix}`;
}
