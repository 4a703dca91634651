import type { Ledger } from "../ledger/index.ts";
import { chooseCanaries } from "../plan/canary.ts";
import { jobNameText, parseLabel, type JobName } from "../queue/label.ts";
import type { Enqueued } from "../queue/queue.ts";
import { admitOn } from "./admit.ts";
import { memoryOf } from "./drain-word.ts";
import { programOn } from "./fleet-host.ts";
import { groupSetups } from "./groups.ts";
import { drainOf } from "./host-memory.ts";
import type { JobNeeds, QueueableJob } from "./jobs.ts";
import type { HostLook } from "./look.ts";
import { queueJobOf } from "./queue-job.ts";
import { sharePlaces } from "./share-places.ts";
import type { SnapshotSettings } from "./snapshot.ts";
import { hostsDrained } from "./undrained.ts";

/** A job, what it is expected to take, and what it may hold. */
export interface JobRequest extends JobNeeds {
  readonly job: QueueableJob;
  readonly memoryBytes: number;
}

/** The same, and what the queue said. */
export interface QueuedJob extends JobRequest {
  readonly label: string;
  readonly enqueued: Enqueued;
  /** The jobs that have to end well before it begins, where the host's core is new. */
  readonly after: readonly string[];
}

/** What a host's queue was given, and what it was not. */
export interface Enqueuing {
  readonly queued: readonly QueuedJob[];
  /** Jobs that have no room beside what is queued, and why. */
  readonly held: ReadonlyMap<QueueableJob, string>;
  /** Groups that run fewer jobs at a time now. */
  readonly lowered: ReadonlyMap<string, number>;
}

/** Makes the groups that a queue lacks. Those that are there keep the number that somebody, or the autoscaler, gave them. */
async function addMissingGroups({ fleetHost, snapshot }: HostLook): Promise<void> {
  const there = new Set(snapshot.groups.map(({ name }) => name));
  const missing = groupSetups(fleetHost.entry).filter(({ name }) => !there.has(name));
  if (missing.length > 0) await fleetHost.queue.ensureGroups(missing);
}

/** The number of a job's next attempt: one more than what this ledger and the host's queue know of. */
function nextAttempt(ledger: Ledger, { snapshot }: HostLook, job: JobName): number {
  const name = jobNameText(job);
  const inQueue = snapshot.tasks.map(({ label }) => {
    const known = parseLabel(label);
    return known !== undefined && jobNameText(known) === name ? known.attempt : 0;
  });
  return Math.max(ledger.jobAttempts.lastAttempt(name), ...inQueue) + 1;
}

/**
 * Queues jobs on a host, in one session: the longest first, so that none of them is left over at the end. Of a bar version that the
 * host has not yet made bars of, the shortest job of each group comes before all others, and they wait until it has ended well. What is
 * decided is in the ledger before, what the queue made of it after.
 * @throws RefusedError HOST_DRAINED; ConfigurationError NO_RELEASE; what the queue and the host throw
 */
export async function enqueueJobs(
  look: HostLook,
  requests: readonly JobRequest[],
  settings: SnapshotSettings,
  ledger: Ledger,
): Promise<Enqueuing> {
  const { entry, queue } = look.fleetHost;
  if (requests.length === 0) return { queued: [], held: new Map(), lowered: new Map() };
  const program = await programOn(look.fleetHost);
  await addMissingGroups(look);
  const coming = requests.map(({ job, memoryBytes }) => {
    return { unit: jobNameText(job), group: job.group, requestBytes: memoryBytes };
  });
  await sharePlaces(look.fleetHost, coming, ledger);
  // As it is now: much may have been planned since the look, and who drains a host waits for nobody.
  const memory = await memoryOf(look.fleetHost, ledger);
  if (drainOf(memory) !== undefined) throw hostsDrained([entry.name]);
  const now = { ...look, snapshot: await queue.poll() };
  const longestFirst = requests.toSorted((a, b) => b.seconds - a.seconds);
  const { admitted, held, lowered } = admitOn(now, longestFirst);
  const isAdmitted = ({ job }: JobRequest): boolean => admitted.has(jobNameText(job));
  const { canaries, others } = canariesFirst(longestFirst.filter(isAdmitted), ledger.jobAttempts.provenOn(entry.name));
  const first = canaries.map((request) => ({ request, after: [] as readonly string[] }));
  const names = canaries.map(({ job }) => jobNameText(job));
  const stopped = new Map(memory.stopped.map(({ job, waitingSinceMs }) => [job, waitingSinceMs]));
  const asked = [...first, ...others.map((request) => ({ request, after: names }))].map(({ request, after }) => {
    const attempt = nextAttempt(ledger, now, request.job);
    const isCanary = canaries.includes(request);
    const waitingSinceMs = stopped.get(jobNameText(request.job));
    const admittedJob = { ...request, attempt, isCanary, waitingSinceMs };
    return { request, after, attempt, queueJob: queueJobOf(admittedJob, entry, program, look.guard.kind, settings) };
  });
  const labels = asked.slice(0, canaries.length).map(({ queueJob }) => queueJob.label);
  ledger.transaction(() => {
    for (const [group, parallel] of lowered) {
      ledger.journal.record("group.setting", group, { host: entry.name, parallel, why: "memory" });
    }
    for (const { request, attempt, queueJob } of asked) {
      const { label, group, memoryBytes } = queueJob;
      const job = jobNameText(request.job);
      const { basis } = request.memory;
      const { archiveBytes, barVersion } = request.job;
      ledger.journal.record("job.queueing", job, { host: entry.name, label, group, attempt, memoryBytes, basis });
      ledger.jobAttempts.queued({
        host: entry.name,
        label,
        job,
        group,
        attempt,
        requestBytes: memoryBytes,
        archiveBytes,
        barVersion,
      });
    }
  });
  for (const [group, parallel] of lowered) await queue.setParallel(group, parallel);
  const answers = await queue.enqueue(
    asked.map(({ queueJob, after }) => (after.length === 0 ? queueJob : { ...queueJob, after: labels })),
  );
  const queued = asked.flatMap(({ request, after, queueJob }, i) => {
    const enqueued = answers[i];
    return enqueued === undefined ? [] : [{ ...request, after, label: queueJob.label, enqueued }];
  });
  ledger.transaction(() => {
    for (const { job, enqueued } of queued) {
      const { label, createdAt } = enqueued.task;
      const kind = enqueued.outcome === "added" ? "job.queued" : "job.already-queued";
      ledger.journal.record(kind, jobNameText(job), { host: entry.name, label, created_at: createdAt });
    }
  });
  const heldJobs = requests.flatMap(({ job }) => {
    const reason = held.get(jobNameText(job));
    return reason === undefined ? [] : [[job, reason] as const];
  });
  return { queued, held: new Map(heldJobs), lowered };
}

/** Canaries where the host has not proven the jobs' bar version. */
function canariesFirst(
  requests: readonly JobRequest[],
  proven: ReadonlySet<number>,
): { readonly canaries: JobRequest[]; readonly others: JobRequest[] } {
  const candidates = Map.groupBy(requests, ({ job }) => job.barVersion);
  const chosen = new Set(
    [...candidates].flatMap(([barVersion, members]) =>
      chooseCanaries(
        members.map(({ job, seconds }) => ({ job: jobNameText(job), group: job.group, durationMs: seconds * 1000 })),
        barVersion,
        proven,
      ),
    ),
  );
  const isCanary = ({ job }: JobRequest): boolean => chosen.has(jobNameText(job));
  return { canaries: requests.filter(isCanary), others: requests.filter((request) => !isCanary(request)) };
}
