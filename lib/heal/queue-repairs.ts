import { loadRegistry, type FleetHost, type ProcessEnvironment, type Settings } from "../config/index.ts";
import { describeFailure } from "../datasets/range/listener.ts";
import { unitsOf } from "../fleet/jobs.ts";
import { liveUnits, lookAt } from "../fleet/look.ts";
import { OpenHosts } from "../fleet/open-hosts.ts";
import { populateOnHosts, type FleetPopulate } from "../fleet/populate.ts";
import { recordResults } from "../fleet/results.ts";
import { openLedger } from "../ledger/index.ts";
import { RefusedError } from "../model/errors.ts";
import { segmentationOf } from "../model/segments.ts";
import { parseSeriesId } from "../model/series.ts";
import type { Obstacle } from "./obstacles.ts";
import { overBudget } from "./pass.ts";
import { healPolicy, nextHealStep } from "./policy.ts";
import type { QueuedGap } from "./queued-tries.ts";
import { gapKey, type Repair } from "./repairs.ts";

/** Repairs of history that no host takes for now, and behind which no more are asked for: each takes a session with every host. */
const refusedMost = 5;

/**
 * Hands repairs that fill days to the hosts of the fleet; whether they helped shows when the gaps are looked for again. Only what a queue
 * has taken is put on record as a try. Hosts that refuse, as drained ones do, keep no other repair from being made. The store is not held
 * meanwhile: a worker of this machine may have to own it.
 * @param repairs of action `populate`, in order
 * @param historicalMax repairs of history that the queues may have; one that no host takes keeps no later one from being asked for
 * @param signal behind it nothing more is handed over
 */
export async function queueRepairs(
  repairs: readonly Repair[],
  historicalMax: number,
  entries: readonly FleetHost[],
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
  line: (text: string) => void,
): Promise<QueuedRepairs> {
  const registry = loadRegistry(settings.symbolsFile);
  const others = new Map<string, Obstacle>();
  const queued: QueuedGap[] = [];
  let [historical, refused] = [0, 0];
  for (const repair of repairs) {
    if (signal.aborted) break;
    const { market, symbol } = parseSeriesId(repair.gaps[0].series);
    const units = new Set(repair.units);
    if (repair.priority === "P2" && (historical >= historicalMax || refused >= refusedMost)) {
      for (const unit of units) if (!others.has(unit)) others.set(unit, overBudget);
      continue;
    }
    const request = {
      symbols: [symbol],
      thresholds: repair.series.map((one) => parseSeriesId(one).threshold),
      startAsked: repair.fromDay,
      endAsked: undefined,
    };
    const asked = { request, entries, pass: "shared", isPlan: false, units } as const;
    const of = { ...settings, market, segmentation: segmentationOf(repair.segment) };
    try {
      const outcome = await populateOnHosts(asked, of, registry, env, new Date(), line);
      for (const { host, failure } of outcome.failures) line(`${host}: ${describeFailure(failure)}`);
      const added = addedUnits(outcome);
      queued.push(...recordQueued(settings.stateDirectory, repair, added));
      const known = obstaclesOf(outcome);
      for (const unit of units) others.set(unit, known.get(unit) ?? nothingQueued(outcome));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const text = error.hint === undefined ? error.message : `${error.message}: ${error.hint}`;
      for (const unit of units) others.set(unit, { reason: "tried", text });
    }
    if (repair.priority !== "P2") continue;
    if (repair.units.some((unit) => others.get(unit)?.reason === "queued")) historical += 1;
    else refused += 1;
  }
  return { others, queued, historical };
}

/** What the hosts made of repairs. */
export interface QueuedRepairs {
  /** Units that a host has or could not take, and why they are not for this process. */
  readonly others: ReadonlyMap<string, Obstacle>;
  /** What a queue has taken. */
  readonly queued: readonly QueuedGap[];
  /** Repairs of history that the queues have, taken now or before. */
  readonly historical: number;
}

/**
 * Reads back what the jobs on the hosts came to. Of a host that cannot be asked its jobs stay as they were known.
 * @returns the units that wait or run
 */
export async function readQueues(
  entries: readonly FleetHost[],
  settings: Settings,
  env: ProcessEnvironment,
  line: (text: string) => void,
): Promise<ReadonlySet<string>> {
  using ledger = openLedger(settings.stateDirectory);
  await using hosts = new OpenHosts(entries, settings.sshConfigFile);
  const looks = await hosts.each(async (host) => {
    const look = await lookAt(host, env["RANGEBAR_NO_CGROUP"] === "1");
    await recordResults(host, look.snapshot.tasks, ledger);
    return look;
  });
  for (const { host, failure } of hosts.failures) line(`${host}: ${describeFailure(failure)}`);
  return new Set(liveUnits(looks).keys());
}

/** Units whose jobs a queue has now and had not before. */
function addedUnits({ hosts }: FleetPopulate): ReadonlySet<string> {
  const queued = hosts.flatMap(({ enqueuing }) => enqueuing?.queued ?? []);
  const added = queued.filter(({ enqueued }) => enqueued.outcome === "added");
  return new Set(added.flatMap(({ job }) => unitsOf(job)));
}

/** What became of units on the hosts, and of those that no host was given. */
function obstaclesOf({ hosts, live, unplaced, failures }: FleetPopulate): ReadonlyMap<string, Obstacle> {
  const found = new Map<string, Obstacle>();
  for (const { unit, reason, advice } of unplaced) {
    found.set(unit, { reason: "tried", text: `no host takes it: ${reason}; ${advice}` });
  }
  for (const [unit, { host, state }] of live) found.set(unit, { reason: "queued", text: `it is ${state} on ${host}` });
  for (const { host, jobs, enqueuing } of hosts) {
    const failure = failures.find((one) => one.host === host)?.failure;
    const failed = failure === undefined ? "its queue took nothing" : describeFailure(failure);
    for (const { job } of enqueuing === undefined ? jobs : []) {
      for (const unit of unitsOf(job)) found.set(unit, { reason: "tried", text: `not queued on ${host}: ${failed}` });
    }
    for (const { job } of enqueuing?.queued ?? []) {
      for (const unit of unitsOf(job)) found.set(unit, { reason: "queued", text: "the fleet's queues have it" });
    }
    for (const [job, reason] of enqueuing?.held ?? []) {
      const text = `not queued yet on ${host}: ${reason}; the next pass asks again`;
      for (const unit of unitsOf(job)) found.set(unit, { reason: "tried", text });
    }
  }
  return found;
}

function nothingQueued({ hosts }: FleetPopulate): Obstacle {
  const text =
    hosts.length === 0
      ? "no host of the fleet could be asked"
      : "nothing of it could be queued: its days are built by now, or not published yet";
  return { reason: "tried", text };
}

function recordQueued(stateDirectory: string, repair: Repair, added: ReadonlySet<string>): QueuedGap[] {
  using ledger = openLedger(stateDirectory);
  const taken = repair.gaps.filter(({ unit }) => added.has(unit));
  const before = ledger.healTries.byGap();
  const startedMs = ledger.clock.wallMs();
  const tried = new Map(taken.map((gap) => [gapKey(gap), gap.unit]));
  const ids = ledger.healTries.start([...tried].map(([gap, unit]) => ({ gap, unit })));
  for (const id of ids) ledger.healTries.end(id, "queued");
  return taken.map((gap) => {
    const next = nextHealStep(before.get(gapKey(gap)) ?? [], startedMs, healPolicy);
    return { repair, gap, startedMs, tryNumber: next.step === "go" ? next.tryNumber : 1 };
  });
}
