import type { FleetHost, ProcessEnvironment, Registry, Settings } from "../config/index.ts";
import { planWork, storePlan, type PopulatePlan } from "../datasets/range/plan.ts";
import { resolveWork, type PopulateRequest } from "../datasets/range/request.ts";
import { openLedger, type Ledger } from "../ledger/index.ts";
import { dayOfMs } from "../model/day.ts";
import { openStore, storeExists, storeIdOf, storeSettings } from "../store/index.ts";
import { enqueueJobs, type JobRequest, type QueuedJob } from "./enqueue.ts";
import { jobsOfPlan, type FleetJob, type PassPolicy } from "./jobs.ts";
import { liveUnits, lookAt, type HostLook, type LiveUnit } from "./look.ts";
import { OpenHosts, type HostFailure } from "./open-hosts.ts";
import { unpublishedUnits } from "./published.ts";
import { memoryRequest, placeUnits, type UnplacedUnit } from "./placement.ts";

/** Jobs for one host. */
export interface HostJobs {
  readonly host: string;
  readonly jobs: readonly FleetJob[];
  /** What became of them; undefined for a plan. */
  readonly queued: readonly QueuedJob[] | undefined;
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
 * @throws what resolveWork and the store refuse
 */
export async function populateOnHosts(
  { request, entries, pass, isPlan, units }: FleetRequest,
  settings: Settings,
  registry: Registry,
  env: ProcessEnvironment,
  now: Date,
  note: (line: string) => void,
): Promise<FleetPopulate> {
  const work = await resolveWork(request, settings, registry, env, dayOfMs(now.getTime()), note);
  using ledger = openLedger(settings.stateDirectory);
  const plan = await planOnStore(work, settings, ledger);
  const planId = storePlan(ledger, plan, settings);
  await using hosts = new OpenHosts(entries, settings.sshConfigFile);
  const looks = await hosts.each(async (host) => lookAt(host, env["RANGEBAR_NO_CGROUP"] === "1"));
  const live = liveUnits(looks);
  const unpublished = await unpublishedUnits(plan, note);
  const wanted = jobsOfPlan(
    plan,
    settings,
    pass,
    (unit) => (units?.has(unit) ?? true) && !live.has(unit) && !unpublished.has(unit),
  );
  const placement = placeUnits(
    wanted,
    looks.map(({ fleetHost }) => fleetHost.entry),
  );
  const jobsOf = ({ fleetHost }: HostLook): FleetJob[] =>
    jobsOfPlan(plan, settings, pass, (unit) => placement.hosts.get(unit) === fleetHost.entry.name);
  const placed: HostJobs[] = [];
  for (const look of looks) {
    const host = look.fleetHost.entry.name;
    const jobs = jobsOf(look);
    const queued = isPlan
      ? undefined
      : await hosts.try(look.fleetHost, async () => enqueueJobs(look, jobs.map(requestOf), settings, ledger));
    placed.push({ host, jobs, queued: queued?.value });
  }
  const isPlanned = new Set(plan.units.map(({ unit }) => unit));
  return {
    planId,
    plan,
    hosts: placed,
    live: new Map([...live].filter(([unit]) => isPlanned.has(unit))),
    unplaced: looks.length === 0 ? [] : placement.unplaced,
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

function requestOf(job: FleetJob): JobRequest {
  return { job, memoryBytes: memoryRequest(job) };
}
