import type { FleetHost } from "../../config/index.ts";
import { quarantineOf } from "../../fleet/advice.ts";
import type { HostView, JobView } from "../../fleet/host-view.ts";
import { unitsOf } from "../../fleet/jobs.ts";
import { formatBytes } from "../../model/format.ts";
import type { ServiceStatus } from "../../services/status.ts";
import type { Finding } from "../finding.ts";
import { queueFindings } from "../queue-health.ts";
import { isStoreCode } from "./attempt-findings.ts";

/** What a host has left for its jobs. */
const memoryShareLeast = 0.03;

/** Whether a unit has no gap; undefined where nobody knows. */
export type IsWhole = (unit: string) => boolean | undefined;

/** What is not as it must be on a host. Pure. @param freeBytes of the disk that its directory is on; undefined where it is not known */
export function hostFindings(
  view: HostView,
  freeBytes: number | undefined,
  isWhole: IsWhole,
  nowMs: number,
): Finding[] {
  return [
    ...pausedFindings(view),
    ...view.jobs.flatMap((job) => jobFindings(view, job, isWhole)),
    ...soundnessFindings(view, freeBytes),
    ...queueFindings(view, nowMs),
  ];
}

/** Services of a host that do not run as they are to. */
export function serviceFindings({ name }: FleetHost, services: readonly ServiceStatus[]): Finding[] {
  return services.flatMap(({ service, trouble, state = "not installed" }): Finding[] => {
    if (trouble === undefined) return [];
    const evidence = { host: name, state };
    return [
      { kind: "service-failed", subject: `host:${name}`, place: service, verdict: "wrong", summary: trouble, evidence },
    ];
  });
}

/** A group that somebody paused, or that a restart did: what barkeep itself holds it lets go again. */
function pausedFindings({ entry, groups, jobs, holds }: HostView): Finding[] {
  return groups.flatMap(({ name, status }): Finding[] => {
    const waiting = jobs.filter(({ task, state }) => task.group === name && state === "waiting").length;
    if (status !== "paused" || holds.has(name) || waiting === 0) return [];
    const evidence = { host: entry.name, waiting: String(waiting) };
    const summary = `${waiting} ${waiting === 1 ? "job waits" : "jobs wait"} in it, and none starts`;
    return [{ kind: "group-paused", subject: `host:${entry.name}`, place: name, verdict: "wrong", summary, evidence }];
  });
}

/** A job that failed is nobody's trouble any more once its units are whole, whoever built them. */
function jobFindings({ entry }: HostView, view: JobView, isWhole: IsWhole): Finding[] {
  const { job, label, state, advice, where, work, task } = view;
  const whole = unitsOf(label).map(isWhole);
  if (state !== "failed" || whole.every((one) => one === true)) return [];
  const code = work?.failures.at(-1)?.code ?? "";
  const evidence = {
    host: entry.name,
    attempt: String(label.attempt),
    queued: task.createdAt,
    ...(code === "" ? {} : { code }),
    ...(advice.fix === undefined ? {} : { fix: advice.fix }),
  };
  // It has failed, and whether that still matters is not known.
  const verdict = whole.includes(false) ? "wrong" : "unknown";
  const kind =
    quarantineOf(where, entry) !== undefined
      ? "job-quarantined"
      : isStoreCode(code)
        ? "store-write-failed"
        : "job-failed";
  return [{ kind, subject: job, place: entry.name, verdict, summary: advice.text, evidence }];
}

function soundnessFindings({ entry, machine }: HostView, freeBytes: number | undefined): Finding[] {
  const of = (place: string, summary: string, left: number): Finding => ({
    kind: "host-unsound",
    subject: `host:${entry.name}`,
    place,
    verdict: "wrong",
    summary,
    evidence: { host: entry.name, left: formatBytes(left) },
  });
  const findings: Finding[] = [];
  if (machine !== undefined && machine.availableBytes < machine.memoryBytes * memoryShareLeast) {
    findings.push(
      of("memory", `only ${formatBytes(machine.availableBytes)} of memory are left`, machine.availableBytes),
    );
  }
  if (freeBytes !== undefined && freeBytes < diskLeast) {
    findings.push(of("disk", `only ${formatBytes(freeBytes)} are left on its disk`, freeBytes));
  }
  return findings;
}

/** Below this a run may end on a full disk. */
export const diskLeast = 2e9;
