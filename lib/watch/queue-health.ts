import type { FleetHost, Settings } from "../config/index.ts";
import type { HostView } from "../fleet/host-view.ts";
import type { HostFailure } from "../fleet/open-hosts.ts";
import { lookAtFleet } from "../fleet/watch.ts";
import type { Finding } from "./finding.ts";
import { hostFinding } from "./findings.ts";

/** What the queues of the fleet's hosts hold, all together. */
export interface QueueHealth {
  /** Jobs by how they stand: waiting, running, done, partial, failed. */
  readonly byStatus: Readonly<Record<string, number>>;
  /** When the job that has waited longest was queued, ISO 8601. */
  readonly oldestPending: string | undefined;
  readonly maxRunningHours: number | undefined;
  readonly isHealthy: boolean;
  readonly findings: readonly Finding[];
}

/** More waiting jobs on a host, or a longer run, are a finding. */
const pendingMost = 50;
const runningHoursMost = 4;
/** The place of what is found of a queue. */
export const queuePlace = "queue";

/** Looks at the queues. A host that does not answer is not known, and so is not healthy. */
export async function lookAtQueues(
  hosts: readonly FleetHost[],
  settings: Pick<Settings, "sshConfigFile" | "stateDirectory">,
  nowMs: number,
  signal: AbortSignal,
): Promise<QueueHealth> {
  for await (const { views, failures } of lookAtFleet(hosts, settings, undefined, false, signal)) {
    return queueHealth(views, failures, nowMs);
  }
  return queueHealth([], [], nowMs);
}

/** The rule alone. Pure. */
export function queueHealth(views: readonly HostView[], failures: readonly HostFailure[], nowMs: number): QueueHealth {
  const byStatus: Record<string, number> = {};
  for (const { state } of views.flatMap(({ jobs }) => jobs)) byStatus[state] = (byStatus[state] ?? 0) + 1;
  const waiting = views.flatMap(({ jobs }) => jobs.filter(({ state }) => state === "waiting"));
  const running = views
    .flatMap(({ jobs }) => jobs.map((job) => runningHours(job, nowMs) ?? 0))
    .filter((hours) => hours > 0);
  const findings = [...failures.map(hostFinding), ...views.flatMap((view) => queueFindings(view, nowMs))];
  return {
    byStatus,
    oldestPending: waiting.map(({ task }) => task.createdAt).toSorted()[0],
    maxRunningHours: running.length === 0 ? undefined : Math.max(...running),
    isHealthy: findings.length === 0,
    findings,
  };
}

/** More jobs that wait in a host's queue, or run for longer, than is usual. Pure. */
export function queueFindings({ entry, jobs }: HostView, nowMs: number): Finding[] {
  const waiting = jobs.filter(({ state }) => state === "waiting").length;
  const long = jobs.filter((job) => (runningHours(job, nowMs) ?? 0) > runningHoursMost).map(({ job }) => job);
  const troubles = [
    ...(waiting > pendingMost ? [`${waiting} jobs wait in its queue`] : []),
    ...(long.length > 0 ? [`${long.join(", ")} runs for more than ${runningHoursMost} h`] : []),
  ];
  if (troubles.length === 0) return [];
  return [
    {
      kind: "host-unsound",
      subject: `host:${entry.name}`,
      place: queuePlace,
      verdict: "wrong",
      summary: troubles.join("; "),
      evidence: { host: entry.name, waiting: waiting.toString(), running_long: long.join(" ") },
    },
  ];
}

function runningHours({ state, task }: HostView["jobs"][number], nowMs: number): number | undefined {
  if (state !== "running" || !("startedAt" in task.state) || task.state.startedAt === undefined) return undefined;
  return (nowMs - Date.parse(task.state.startedAt)) / 3_600_000;
}
