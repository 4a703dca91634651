import type { ProcessEnvironment, Settings } from "../../config/index.ts";
import type { Ledger } from "../../ledger/index.ts";
import { Failure, RetryableError } from "../../model/errors.ts";
import { jobNameText, parseLabel } from "../../queue/label.ts";
import type { QueueTask, TaskIdentity } from "../../queue/queue.ts";
import { isCancelled, leaveCancelNotes } from "../cancel-note.ts";
import type { QueuedJob } from "../enqueue.ts";
import type { OpenFleetHost } from "../fleet-host.ts";
import { changeHostMemory, readHostMemory, type StoppedJob } from "../host-memory.ts";
import { isToBeTriedAgain, viewHost, type JobView } from "../host-view.ts";
import { isLive } from "../live.ts";
import { queueAgain } from "../queue-again.ts";
import { recordResults } from "../results.ts";
import { verdictOn } from "../verdict.ts";
import type { QueueLook } from "./reading.ts";

/** What became of jobs that were stopped to make room. */
export interface Requeued {
  /** Queued again. */
  readonly jobs: readonly string[];
  /** Not queued, and why: for now, or for a person to decide. */
  readonly left: ReadonlyArray<{ readonly job: string; readonly reason: string }>;
}

/** What could not be queued is tried again after so long, then after twice as long each time. */
const firstWaitMs = 10_000;
const waitMaxMs = 10 * 60_000;

/** Why a job that a person has cancelled is left. */
const unwanted = "a person ended it";

interface Wait {
  readonly waitMs: number;
  readonly untilMs: number;
  readonly reason: string;
}

/** Queues a host's jobs again that were stopped to make room and have ended. They keep their place. */
export class Requeue {
  readonly #fleetHost: OpenFleetHost;
  readonly #settings: Settings;
  readonly #env: ProcessEnvironment;
  readonly #ledger: Ledger;
  /** Of attempts that could not be queued again, by label. */
  readonly #waits = new Map<string, Wait>();

  constructor(fleetHost: OpenFleetHost, settings: Settings, env: ProcessEnvironment, ledger: Ledger) {
    this.#fleetHost = fleetHost;
    this.#settings = settings;
    this.#env = env;
    this.#ledger = ledger;
  }

  /**
   * Queues exactly the attempts that were stopped, as far as that is nobody else's to decide: what a person has cancelled meanwhile, and what
   * failed too often by itself, is left to be named. Forgets those, and what has ended well or was queued by somebody else.
   * @param mayQueue false while nothing is admitted
   * @throws what the host throws; a single job that cannot be queued is only said, and tried again later
   */
  async step(look: QueueLook, mayQueue: boolean): Promise<Requeued> {
    const fates = look.memory.stopped.map((one) => ({ one, fate: fateOf(one, look) }));
    await this.#forget(fates.flatMap(({ one, fate }) => (fate === "over" ? [one] : [])));
    const nowMs = this.#ledger.clock.wallMs();
    const due = fates.flatMap(({ one, fate }) => (fate === "stopped" && !this.#isWaiting(one, nowMs) ? [one] : []));
    const jobs: string[] = [];
    const left: { job: string; reason: string }[] = [];
    if (!mayQueue || due.length === 0) return { jobs, left };
    await recordResults(this.#fleetHost, look.snapshot.tasks, this.#ledger);
    const views = (await viewHost(this.#fleetHost, this.#ledger)).jobs;
    for (const one of due) {
      const view = views.find(({ task }) => task.label === one.label && task.createdAt === one.createdAt);
      // It runs again, or there is another attempt: the next look knows.
      if (view === undefined || !isToBeTriedAgain(view)) continue;
      // As it is now, for each: a person may have cancelled it since the look, or while the one before it was queued.
      const { stopped } = await readHostMemory(this.#fleetHost);
      if (!stopped.some((now) => isSame(now, one))) continue;
      const reason = await this.#queue(one, view, nowMs);
      if (reason === undefined) jobs.push(one.job);
      else left.push({ job: one.job, reason });
    }
    return { jobs, left };
  }

  /** @returns why it was not queued; undefined where it was */
  async #queue(one: StoppedJob, view: JobView, nowMs: number): Promise<string | undefined> {
    if (await isCancelled(this.#fleetHost, one.label)) return this.#leave(one, unwanted);
    const verdict = verdictOn(view, this.#fleetHost.entry, false, this.#ledger);
    if (verdict.kind === "cancelled") return this.#leave(one, unwanted);
    if (verdict.kind === "quarantined") return this.#leave(one, `quarantined, ${verdict.reason}; ${verdict.advice}`);
    const { queued, reason } = await this.#tryToQueue(view);
    if (queued?.enqueued.outcome === "added" && (await isCancelled(this.#fleetHost, one.label))) {
      await this.#takeBack(one, queued.enqueued.task);
      return this.#leave(one, unwanted);
    }
    if (reason === undefined) this.#waits.delete(one.label);
    else this.#wait(one, reason, nowMs);
    return reason;
  }

  /** What is not queued again, but left for a person to decide. @returns why */
  async #leave(one: StoppedJob, reason: string): Promise<string> {
    this.#ledger.journal.record("job.left", one.job, { host: this.#fleetHost.entry.name, label: one.label, reason });
    await this.#forget([one]);
    return reason;
  }

  /**
   * A person has cancelled a job while it was queued again. Whoever cancels leaves a note first and then looks at the queue: whom that look
   * did not see had not been queued then, so the note is there now.
   */
  async #takeBack({ job }: StoppedJob, task: TaskIdentity): Promise<void> {
    const { label } = task;
    this.#ledger.journal.record("job.cancelling", job, { host: this.#fleetHost.entry.name, label, how: "stop" });
    const at = new Date(this.#ledger.clock.wallMs()).toISOString();
    await this.#fleetHost.queue.cancel([task], "stop");
    await leaveCancelNotes(this.#fleetHost, [label], { version: 1, how: "stop", at });
  }

  /** @returns why it was not queued, or what the queue said */
  async #tryToQueue(view: JobView): Promise<{ readonly queued?: QueuedJob; readonly reason?: string }> {
    try {
      const isGuardDeclined = this.#env["RANGEBAR_NO_CGROUP"] === "1";
      const [again] = await queueAgain(this.#fleetHost, [view], isGuardDeclined, false, this.#settings, this.#ledger);
      return again?.queued === undefined
        ? { reason: again?.held ?? "its queue took nothing" }
        : { queued: again.queued };
    } catch (error) {
      // What is the host's trouble is said as that, and is over for all of them at once.
      if (!(error instanceof Failure) || error instanceof RetryableError) throw error;
      return { reason: error.hint === undefined ? error.message : `${error.message}: ${error.hint}` };
    }
  }

  #isWaiting({ label }: StoppedJob, nowMs: number): boolean {
    const wait = this.#waits.get(label);
    // A wall clock that was set back makes no wait longer than it is.
    return wait !== undefined && nowMs < wait.untilMs && nowMs >= wait.untilMs - wait.waitMs;
  }

  /** The journal has each reason once, however often it is met. */
  #wait({ job, label }: StoppedJob, reason: string, nowMs: number): void {
    const before = this.#waits.get(label);
    const waitMs = before === undefined ? firstWaitMs : Math.min(waitMaxMs, before.waitMs * 2);
    this.#waits.set(label, { waitMs, untilMs: nowMs + waitMs, reason });
    if (before?.reason === reason) return;
    this.#ledger.journal.record("job.not-requeued", job, { host: this.#fleetHost.entry.name, label, reason });
  }

  async #forget(over: readonly StoppedJob[]): Promise<void> {
    if (over.length === 0) return;
    for (const { label } of over) this.#waits.delete(label);
    await changeHostMemory(this.#fleetHost, (memory) => ({
      ...memory,
      stopped: memory.stopped.filter((one) => !over.some((gone) => isSame(gone, one))),
    }));
  }
}

function isSame(a: StoppedJob, b: StoppedJob): boolean {
  return a.label === b.label && a.createdAt === b.createdAt;
}

/** `live`: it runs or waits; `stopped`: it ended as it was asked to; `over`: nothing more is to be done about it here. */
function fateOf({ job, createdAt }: StoppedJob, { snapshot, unattended }: QueueLook): "live" | "stopped" | "over" {
  const tasks = snapshot.tasks.filter((task) => jobOf(task) === job);
  if (tasks.some((task) => isLive(task, unattended))) return "live";
  const [last] = tasks.toSorted((a, b) => (a.createdAt > b.createdAt ? -1 : 1));
  if (last === undefined || last.createdAt !== createdAt || last.state.kind !== "done") return "over";
  return last.state.outcome.kind === "success" ? "over" : "stopped";
}

function jobOf({ label }: QueueTask): string | undefined {
  const parsed = parseLabel(label);
  return parsed === undefined ? undefined : jobNameText(parsed);
}
