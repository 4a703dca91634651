import type { FleetHost, ProcessEnvironment, Registry, Settings } from "../config/index.ts";
import { planWork, storePlan, type PopulatePlan } from "../datasets/range/plan.ts";
import { resolveWork, type PopulateRequest } from "../datasets/range/request.ts";
import { openLedger, type Ledger } from "../ledger/index.ts";
import { dayOfMs } from "../model/day.ts";
import { openStore, storeExists, storeIdOf, storeSettings } from "../store/index.ts";
import { grantedBytes } from "../plan/memory.ts";
import { enqueueJobs, type Enqueuing, type JobRequest } from "./enqueue.ts";
import { Experience } from "./experience.ts";
import { jobsOfPlan, type FleetJob, type PassPolicy } from "./jobs.ts";
import { liveUnits, lookAt, type HostLook, type LiveUnit } from "./look.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";
import { unpublishedUnits } from "./published.ts";
import { undrainedHosts } from "./undrained.ts";
import { hostLimitBytes, placeUnits, type UnplacedUnit } from "./placement.ts";
import { recordResults } from "./results.ts";

/** A job, and what its host gives it. */
export type HostJob = JobRequest & { readonly job: FleetJob };

/** Jobs for one host. */
export interface HostJobs {
  readonly host: string;
  /** Longest first, each with what it may hold there. */
  readonly jobs: readonly HostJob[];
  /** What became of them; undefined for a plan. */
  readonly enqueuing: Enqueuing | undefined;
}

/** What populating on hosts comes to, or would. */
export interface FleetPopulate {
  readonly planId: string | undefined;
  readonly plan: PopulatePlan;
  readonly hosts: readonly HostJobs[];
  /** Units that wait or run already. */
  readonly live: ReadonlyMap<string, LiveUnit>;
  readonly unplaced: readonly UnplacedUnit[];
  /** Hosts that could not be asked, or that took nothing. */
  readonly failures: readonly HostFailure[];
}

export interface FleetRequest {
  readonly request: PopulateRequest;
  readonly entries: readonly FleetHost[];
  readonly pass: PassPolicy;
  /** Say what would be queued, and queue nothing. */
  readonly isPlan: boolean;
  /** Only these units of what the request lacks; all without it. */
  readonly units?: ReadonlySet<string>;
}

/**
 * Plans on this machine what a request lacks and queues it on hosts of the fleet. A unit that waits or runs on one of them is left alone.
 * @throws RefusedError HOST_DRAINED; what resolveWork and the store refuse
 */
export async function populateOnHosts(
  { request, entries, pass, isPlan, units }: FleetRequest,
  settings: Settings,
  registry: Registry,
  env: ProcessEnvironment,
  now: Date,
  note: (line: string) => void,
): Promise<FleetPopulate> {
  using ledger = openLedger(settings.stateDirectory);
  await using hosts = new OpenHosts(entries, settings.sshConfigFile);
  const open = await undrainedHosts(hosts, ledger, isPlan, note);
  const work = await resolveWork(request, settings, registry, env, dayOfMs(now.getTime()), note);
  const plan = await planOnStore(work, settings, ledger);
  const planId = storePlan(ledger, plan, settings);
  const looks = await hosts.each(async (host) => {
    const look = await lookAt(host, env["RANGEBAR_NO_CGROUP"] === "1");
    await recordResults(host, look.snapshot.tasks, ledger);
    return look;
  });
  const experience = new Experience(ledger);
  const jobsWanted = (isWanted: (unit: string) => boolean): FleetJob[] =>
    jobsOfPlan(plan, settings, pass, (job) => experience.needsOf(job), isWanted);
  const live = liveUnits(looks);
  const unpublished = await unpublishedUnits(plan, note);
  const wanted = jobsWanted((unit) => (units?.has(unit) ?? true) && !live.has(unit) && !unpublished.has(unit));
  // What waits or runs on a host that is drained counts all the same.
  const openLooks = looks.filter(({ fleetHost }) => open.has(fleetHost.entry.name));
  const placement = placeUnits(
    wanted,
    openLooks.map(({ fleetHost }) => fleetHost.entry),
  );
  const jobsOf = ({ fleetHost: { entry } }: HostLook): HostJob[] =>
    jobsWanted((unit) => placement.hosts.get(unit) === entry.name)
      .toSorted((a, b) => b.seconds - a.seconds)
      .map((job) => requestOf(job, entry));
  const placed: HostJobs[] = [];
  for (const look of looks) {
    const host = look.fleetHost.entry.name;
    const jobs = jobsOf(look);
    const enqueuing = isPlan
      ? undefined
      : await hosts.try(look.fleetHost, async () => enqueueJobs(look, jobs, settings, ledger));
    placed.push({ host, jobs, enqueuing: enqueuing?.value });
  }
  const isPlanned = new Set(plan.units.map(({ unit }) => unit));
  return {
    planId,
    plan,
    hosts: placed,
    live: new Map([...live].filter(([unit]) => isPlanned.has(unit))),
    unplaced: openLooks.length === 0 ? [] : placement.unplaced,
    failures: hosts.failures,
  };
}

/** The store is let go of before anything is queued: a worker of this machine may have to own it. */
async function planOnStore(
  work: Parameters<typeof planWork>[1],
  settings: Settings,
  ledger: Ledger,
): Promise<PopulatePlan> {
  const address = storeSettings(settings);
  const store = storeExists(address) ? await openStore(address) : undefined;
  try {
    if (store !== undefined) ledger.checkBelongsTo(await storeIdOf(store));
    return await planWork(store, work, settings);
  } finally {
    await store?.close();
  }
}

/** Of a job that was placed there. A part of one asks for no more than the whole. */
function requestOf(job: FleetJob, entry: FleetHost): HostJob {
  const { memory, seconds } = job;
  const limit = hostLimitBytes(entry);
  return { job, memory, seconds, memoryBytes: grantedBytes(memory, limit) ?? limit };
}
