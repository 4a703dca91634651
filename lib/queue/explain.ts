import { exitCodeMeanings, exitCodes } from "../model/exit-codes.ts";
import type { RunResult } from "./job-files.ts";
import type { Queue, QueueGroup, QueueTask } from "./queue.ts";
import type { Whereabouts } from "./reconcile.ts";
import { shellWords } from "./shell-words.ts";

/** A state in words, and the one command that gets out of it; none where there is nothing to do. */
export interface Explanation {
  readonly text: string;
  /** To be typed on the queue's host. */
  readonly fix?: string;
}

/**
 * Says what a task's state means to whoever has to do something about it.
 * @param group the task's, as the same poll showed it
 * @param where of the task: see `reconcile`
 */
export function explainState(
  queue: Queue["kind"],
  task: QueueTask,
  group: QueueGroup | undefined,
  where: Whereabouts,
): Explanation {
  const fixes = fixesOf[queue];
  switch (where.kind) {
    case "waiting":
      return explainWaiting(fixes, task, group);
    case "running":
      return explainRunning(fixes, task, where.unattended);
    case "finished":
      return { text: explainResult(where.result) };
    case "not-started":
      return explainNotStarted(fixes, task);
    case "lost":
      return { text: `${explainLoss(task)}; what it had committed stays`, ...withFix(fixes.restart(task.number)) };
    default:
      return where satisfies never;
  }
}

function explainWaiting(fixes: Fixes, task: QueueTask, group: QueueGroup | undefined): Explanation {
  const { state } = task;
  if (state.kind === "stashed") {
    const until = state.startAt === undefined ? "someone lets it go" : state.startAt;
    return { text: `it is held back until ${until}`, ...withFix(fixes.release(task.number)) };
  }
  if (state.kind === "locked") return { text: "someone edits it in an editor; it waits until that is closed" };
  if (group === undefined) return { text: `it waits in ${task.group}, a group that is not there` };
  if (group.status === "resetting") return { text: `its group ${group.name} is being reset` };
  if (group.status === "running" && task.awaits !== undefined) {
    return {
      text: `it waits for task ${task.awaits.join(", ")} to end well: the first ones try out a core that is new here`,
    };
  }
  if (group.status === "running") {
    return { text: `it waits for its turn in ${group.name}, ${group.parallel} at a time` };
  }
  return {
    text: `its group ${group.name} is paused: ${fixes.whyPaused}`,
    ...withFix(fixes.startGroup(group.name)),
  };
}

function explainRunning(fixes: Fixes, task: QueueTask, unattended: boolean): Explanation {
  if (task.state.kind === "paused") {
    return {
      text: "it is stopped in its middle and keeps its slot and its memory",
      ...withFix(fixes.goOn(task.number)),
    };
  }
  if (!unattended) return { text: "it runs" };
  return {
    text: "it runs, although the queue calls it otherwise: the queue's daemon was started anew and does not take its jobs up again; the result will be there when it ends",
  };
}

function explainResult(result: RunResult): string {
  switch (result.outcome) {
    case "exited":
      return `it ended with ${endText(result.exitCode ?? 0)}`;
    case "signalled":
      return `${result.signal} ended it`;
    case "out-of-memory": {
      const { memoryMaxBytes: max, memoryPeakBytes: peak } = result;
      const limit = max === undefined ? "" : ` of ${inMib(max)} allowed`;
      return `it was killed for memory: it held ${inMib(peak)}${limit}`;
    }
    case "not-started":
      return `its worker did not start: ${result.reason}`;
    default:
      return result.outcome satisfies never;
  }
}

function inMib(bytes: number): string {
  return `${Math.round(bytes / (1 << 20))} MiB`;
}

function explainLoss({ state }: QueueTask): string {
  const outcome = state.kind === "done" ? state.outcome : undefined;
  if (outcome?.kind !== "failed") return "it was killed with its supervisor, or the host went down while it ran";
  return `its supervisor ended with ${endText(outcome.code)}, and could not write down what became of it: its output says why`;
}

/** An exit code and what it means. */
function endText(code: number): string {
  const meaning = exitCodeMeanings.find(([one]) => one === code)?.[1];
  return meaning === undefined ? String(code) : `${code}: ${meaning}`;
}

/** What systemd-run and the supervisor itself end with where the unit runs already. */
const unitRunningCodes: ReadonlySet<number> = new Set([1, exitCodes.refused]);

function explainNotStarted(fixes: Fixes, task: QueueTask): Explanation {
  const outcome = task.state.kind === "done" ? task.state.outcome : undefined;
  switch (outcome?.kind) {
    case "dependency-failed":
      return {
        text: "a task it was to come after has failed, so the queue gave it up: where a host makes bars of a new version, the first jobs try that out, and the others wait for them",
        ...withFix(fixes.restart(task.number)),
      };
    case "failed-to-spawn":
      return { text: `the queue could not start it: ${outcome.reason}`, ...withFix(fixes.restart(task.number)) };
    case "errored":
      return { text: `the queue lost it: ${outcome.reason}`, ...withFix(fixes.restart(task.number)) };
    case "killed":
      return { text: "it was killed before its supervisor began", ...withFix(fixes.restart(task.number)) };
    case "failed": {
      const text = unitRunningCodes.has(outcome.code)
        ? `it ended with ${outcome.code} before its supervisor began: its output says why; most often the same symbol and segment ran here at that time`
        : `it ended before its supervisor began, with ${endText(outcome.code)}; its output says why`;
      return { text, ...withFix(fixes.look(task.number)) };
    }
    case "success":
    case "out-of-memory":
    case undefined:
      return { text: "it ended, and no supervisor of barkeep's ran it" };
    default:
      return outcome satisfies never;
  }
}

/** The queue's own commands: what a person types who has only the host before him. */
interface Fixes {
  readonly whyPaused: string;
  /** Under the same label, in the same place. */
  restart(number: string): string | undefined;
  release(number: string): string | undefined;
  goOn(number: string): string | undefined;
  look(number: string): string | undefined;
  startGroup(group: string): string | undefined;
}

const fixesOf: Readonly<Record<Queue["kind"], Fixes>> = {
  pueue: {
    whyPaused:
      "a person did so, or the queue's daemon or the host was started anew, after which nothing starts by itself",
    restart: (number) => `pueue restart --in-place ${number}`,
    release: (number) => `pueue enqueue ${number}`,
    goOn: (number) => `pueue start ${number}`,
    look: (number) => `pueue log ${number}`,
    startGroup: (group) => shellWords(["pueue", "start", `--group=${group}`]),
  },
  slurm: {
    whyPaused: "a person did so",
    restart: (number) => `scontrol requeue ${number}`,
    release: (number) => `scontrol release ${number}`,
    goOn: (number) => `scontrol resume ${number}`,
    look: (number) => `scontrol show job ${number}`,
    startGroup: () => undefined,
  },
  // It has no commands of its own.
  local: {
    whyPaused: "the process that runs the queue was killed; whatever is asked of the queue next starts it again",
    restart: () => undefined,
    release: () => undefined,
    goOn: () => undefined,
    look: () => undefined,
    startGroup: () => undefined,
  },
};

function withFix(fix: string | undefined): { readonly fix?: string } {
  return fix === undefined ? {} : { fix };
}
