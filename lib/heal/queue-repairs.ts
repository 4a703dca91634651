import { loadRegistry, type FleetHost, type ProcessEnvironment, type Settings } from "../config/index.ts";
import { describeFailure } from "../datasets/range/listener.ts";
import { populateOnHosts } from "../fleet/populate.ts";
import { openLedger } from "../ledger/index.ts";
import { segmentationOf } from "../model/segments.ts";
import { parseSeriesId } from "../model/series.ts";
import type { Gap } from "../watch/gap.ts";
import type { Obstacle } from "./obstacles.ts";
import { gapKey, type Repair } from "./repairs.ts";

/**
 * Hands repairs that fill days to the hosts of the fleet; whether they helped shows when the gaps are looked for again. The store is
 * not held meanwhile: a worker of this machine may have to own it.
 * @param repairs of action `populate`
 * @returns the units that a host has or could not take, and why they are not for this process
 */
export async function queueRepairs(
  repairs: readonly Repair[],
  entries: readonly FleetHost[],
  settings: Settings,
  env: ProcessEnvironment,
  line: (text: string) => void,
): Promise<ReadonlyMap<string, Obstacle>> {
  const registry = loadRegistry(settings.symbolsFile);
  const others = new Map<string, Obstacle>();
  for (const repair of repairs) {
    const { market, symbol } = parseSeriesId(repair.gaps[0].series);
    const units = new Set(repair.units);
    const request = {
      symbols: [symbol],
      thresholds: repair.series.map((one) => parseSeriesId(one).threshold),
      startAsked: repair.fromDay,
      endAsked: undefined,
    };
    const asked = { request, entries, pass: "shared", isPlan: false, units } as const;
    const of = { ...settings, market, segmentation: segmentationOf(repair.segment) };
    const outcome = await populateOnHosts(asked, of, registry, env, new Date(), line);
    for (const { host, failure } of outcome.failures) line(`${host}: ${describeFailure(failure)}`);
    for (const { unit, reason, advice } of outcome.unplaced) {
      others.set(unit, { reason: "tried", text: `no host takes it: ${reason}; ${advice}` });
    }
    for (const [unit, { host, state }] of outcome.live) {
      if (units.has(unit)) others.set(unit, { reason: "queued", text: `it is ${state} on ${host}` });
    }
    if (outcome.hosts.length === 0) {
      for (const unit of units) others.set(unit, { reason: "tried", text: "no host of the fleet could be asked" });
      continue;
    }
    const queued = repair.gaps.filter(({ unit }) => !others.has(unit));
    recordQueued(settings.stateDirectory, queued);
    for (const { unit } of queued) others.set(unit, { reason: "queued", text: "the fleet's queues have it" });
  }
  return others;
}

function recordQueued(stateDirectory: string, gaps: readonly Gap[]): void {
  using ledger = openLedger(stateDirectory);
  const ids = ledger.healTries.start(gaps.map((gap) => ({ gap: gapKey(gap), unit: gap.unit })));
  for (const id of ids) ledger.healTries.end(id, "queued");
}
