import { existsSync } from "node:fs";
import { loadRegistry, type FleetHost, type ProcessEnvironment, type Settings } from "../config/index.ts";
import { ledgerPath, openLedger, type HealTries } from "../ledger/index.ts";
import { openExistingStore, storeIdOf } from "../store/index.ts";
import { unitsSeenInBars } from "../watch/seen-in-bars.ts";
import type { FindGaps, HealContext, HealListener } from "./context.ts";
import { ConfigurationError } from "../model/errors.ts";
import { lookForGaps } from "./look.ts";
import { isCannotGoOn } from "./carry-out.ts";
import { queueRepairs, readQueues, type QueuedRepairs } from "./queue-repairs.ts";
import { logQueued, settleQueued } from "./queued-tries.ts";
import { healOnce, planHeal, type HealOutlook, type HealPass } from "./pass.ts";
import { gapKey, repairWithout, type Repair } from "./repairs.ts";

/** What one pass is asked for. */
export interface HealRequest {
  /** Only these; all where none is named. */
  readonly symbols: readonly string[];
  /** Repairs of history that it may begin. */
  readonly historicalMax: number;
  /** After so long what is at work stops behind its next commit. */
  readonly budgetMs: number | undefined;
  /** Hosts of the fleet that fill missing days; none: this process does. Units are made anew here in any case. */
  readonly hosts: readonly FleetHost[];
}

/**
 * One pass: looks for gaps, closes what may be closed, looks again. The registry is read anew.
 * @throws what keeps it from looking
 */
export async function heal(
  request: HealRequest,
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
  listener: HealListener,
): Promise<HealPass> {
  const { historicalMax, budgetMs } = request;
  const budget = budgetMs === undefined ? new AbortController().signal : AbortSignal.timeout(budgetMs);
  const { others, queued, historical } = await queueFills(request, settings, env, signal, listener);
  return withContext(request, settings, env, signal, listener, async (context) => {
    await logQueued(queued, context);
    return healOnce({ historicalMax: historicalMax - historical, budget, others }, context);
  });
}

/** Hands what days are missing to the hosts, where there are any, and says first what became of what they were handed before. */
async function queueFills(
  request: HealRequest,
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
  listener: HealListener,
): Promise<QueuedRepairs> {
  const { hosts, historicalMax } = request;
  if (hosts.length === 0) return { others: new Map(), queued: [], historical: 0 };
  const line = (text: string): void => listener.line(text);
  const live = isAnyQueued(settings) ? await readQueues(hosts, settings, env, line) : undefined;
  const fills = await withContext(request, settings, env, signal, listener, async (context) => {
    if (live !== undefined) await settleQueued(live, context);
    // All of them: what is not handed to a host now is not made here either.
    const { repairs } = await planHeal({ historicalMax: Infinity }, context);
    const { healTries } = context.ledger;
    return repairs.flatMap((repair) => (repair.action === "populate" ? forHosts(repair, healTries) : []));
  });
  return queueRepairs(fills, historicalMax, hosts, settings, env, signal, line);
}

function isAnyQueued({ stateDirectory }: Settings): boolean {
  if (!existsSync(ledgerPath(stateDirectory))) return false;
  using ledger = openLedger(stateDirectory);
  return ledger.healTries.queued().length > 0;
}

/**
 * No host gets on with a unit that a job could not go on with: that is made anew here, and gone on with. Until its gap is healed, whatever
 * later tries at it ended with, and whether a replay lets them count: the unit is as it was.
 */
function forHosts(repair: Repair, healTries: Pick<HealTries, "codesOf">): Repair[] {
  const ours = repair.gaps.filter((gap) => [...healTries.codesOf(gapKey(gap))].some(isCannotGoOn));
  const rest = repairWithout(repair, new Set(ours.map(({ unit }) => unit)));
  return rest === undefined ? [] : [rest];
}

/** A repair, and who would make it. */
export interface PlacedRepair extends Repair {
  /** Hosts of the fleet, one of which would fill its days; none: this process would. */
  readonly hosts: readonly string[];
}

/** What a pass would do. */
export interface HealingPlan extends Omit<HealOutlook, "repairs"> {
  readonly repairs: readonly PlacedRepair[];
}

/** Says what a pass would do now. No host is asked what it would take. Changes nothing. */
export async function planHealing(
  request: HealRequest,
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
  note: (line: string) => void,
): Promise<HealingPlan> {
  const listener = { line: note, beat: () => undefined };
  const hosts = request.hosts.map(({ name }) => name);
  return withContext(request, settings, env, signal, listener, async (context) => {
    const outlook = await planHeal({ historicalMax: request.historicalMax }, context);
    const { healTries } = context.ledger;
    return { ...outlook, repairs: outlook.repairs.flatMap((repair) => placed(repair, hosts, healTries)) };
  });
}

function placed(
  repair: Repair,
  hosts: readonly string[],
  healTries: Pick<HealTries, "codesOf">,
): readonly PlacedRepair[] {
  const [away] = hosts.length > 0 && repair.action === "populate" ? forHosts(repair, healTries) : [];
  if (away === undefined) return [{ ...repair, hosts: [] }];
  const here = repairWithout(repair, new Set(away.units));
  return [{ ...away, hosts }, ...(here === undefined ? [] : [{ ...here, hosts: [] }])];
}

/**
 * The store is held for one pass and no longer: between two of them others may own it.
 * @throws ConfigurationError NO_ARCHIVE; UnavailableError STORE_ABSENT: an empty store in the place of one that is gone would hide the loss
 */
async function withContext<T>(
  { symbols }: HealRequest,
  settings: Settings,
  env: ProcessEnvironment,
  signal: AbortSignal,
  listener: HealListener,
  use: (context: HealContext) => Promise<T>,
): Promise<T> {
  const registry = loadRegistry(settings.symbolsFile);
  if (settings.archive === undefined) throw noArchive();
  const store = await openExistingStore(settings);
  try {
    using ledger = openLedger(settings.stateDirectory);
    ledger.belongTo(await storeIdOf(store));
    const look = { store, ledger, registry, env, settings };
    // Once for the pass: a gap has the same name in each of its looks.
    const barsOfUnits = unitsSeenInBars(ledger);
    const findGaps: FindGaps = async (until, series) => lookForGaps(look, barsOfUnits, symbols, until, series);
    return await use({ store, ledger, settings, registry, env, findGaps, signal, listener });
  } finally {
    await store.close();
  }
}

function noArchive(): ConfigurationError {
  return new ConfigurationError("no archive was named, so nothing could be built", {
    code: "NO_ARCHIVE",
    hint: "give --archive DIR or URL (the folder that holds data/), or set BARKEEP_ARCHIVE",
  });
}
