import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { ProcessEnvironment, Registry, Settings } from "../../config/index.ts";
import { dayOfMs } from "../../model/day.ts";
import { UnavailableError, type Failure } from "../../model/errors.ts";
import { openLedger, type Ledger } from "../../ledger/index.ts";
import { unitId } from "../../model/series.ts";
import { openStore, storeExists, storeIdOf, storeSettings, type Store } from "../../store/index.ts";
import { estimateSpan, type UnitEstimate } from "./estimate.ts";
import { planDocumentOf } from "./plan-document.ts";
import { spansOf, type SymbolWork } from "./populate.ts";
import { resolveWork, type PopulateRequest } from "./request.ts";
import { soundWork, untouchedWork, type SoundWork } from "./sound-work.ts";

/** A unit that is built to its end and whose coverage does not follow id by id before it. */
export interface HoledUnit {
  readonly unit: string;
  /** Less than zero: so many are covered twice. */
  readonly idsLacking: bigint;
}

/** What is to be done of a symbol: nothing, where it has no units. */
export interface PlannedSymbol extends SoundWork {
  readonly units: readonly UnitEstimate[];
}

export interface PopulatePlan {
  /** Whose units they are, in the order asked for. */
  readonly symbols: readonly PlannedSymbol[];
  readonly units: readonly UnitEstimate[];
  /** Units of the days asked for that a populate cannot make whole: it goes on where they end. */
  readonly holed: readonly HoledUnit[];
  /** Archives to fetch into the mirror and bars to store; archives that lie on this machine are not counted. */
  readonly diskBytes: number;
  readonly freeBytes: number;
  readonly memoryBytes: number;
  readonly seconds: number;
  /** What keeps a series from being built; its units are not among the above. */
  readonly failures: readonly Failure[];
}

/** A plan, and its id in the ledger; none where there is nothing to do. */
export interface StoredPopulatePlan {
  readonly plan: PopulatePlan;
  readonly id: string | undefined;
}

/**
 * What a populate with this request would do, put down in the ledger so that exactly that can be carried out later. Changes nothing
 * else: a store that does not exist yet is not made.
 */
export async function planPopulate(
  request: PopulateRequest,
  settings: Settings,
  registry: Registry,
  env: ProcessEnvironment,
  now: Date,
  note: (line: string) => void,
): Promise<StoredPopulatePlan> {
  const work = await resolveWork(request, settings, registry, env, dayOfMs(now.getTime()), note);
  using ledger = openLedger(settings.stateDirectory);
  const store = storeExists(storeSettings(settings)) ? await openStore(storeSettings(settings)) : undefined;
  try {
    if (store !== undefined) ledger.checkBelongsTo(await storeIdOf(store));
    const plan = await planWork(store, work, settings);
    return { plan, id: storePlan(ledger, plan, settings) };
  } finally {
    await store?.close();
  }
}

/** Puts a plan down in the ledger. @returns its id; undefined where there is nothing to do */
export function storePlan(
  ledger: Ledger,
  plan: PopulatePlan,
  settings: Pick<Settings, "archive" | "segmentation">,
): string | undefined {
  if (plan.units.length === 0) return undefined;
  return ledger.transaction(() => {
    const id = ledger.plans.put(planDocumentOf(plan, settings));
    ledger.journal.record("plan.stored", id, { units: plan.units.length });
    return id;
  });
}

/** @param store undefined where there is none yet */
export async function planWork(
  store: Store | undefined,
  work: readonly SymbolWork[],
  settings: Settings,
): Promise<PopulatePlan> {
  const symbols: PlannedSymbol[] = [];
  let fetchBytes = 0;
  let seconds = 0;
  for (const sound of store === undefined ? untouchedWork(work) : await soundWork(store, work)) {
    const ofSymbol: UnitEstimate[] = [];
    for (const span of spansOf(sound.work, sound.covered)) {
      const estimate = await estimateSpan(sound.work, span);
      ofSymbol.push(...estimate.units);
      fetchBytes += estimate.fetchBytes;
      seconds += estimate.seconds;
    }
    symbols.push({ ...sound, units: ofSymbol });
  }
  const units = symbols.flatMap((one) => one.units);
  const storesHere = settings.storeUrl === undefined;
  const storeBytes = units.reduce((sum, unit) => sum + unit.storeBytes, 0);
  return {
    symbols,
    units,
    holed: symbols.flatMap(holedUnits),
    diskBytes: fetchBytes + (storesHere ? storeBytes : 0),
    freeBytes: await freeBytesAt(settings.stateDirectory),
    memoryBytes: Math.max(0, ...units.map((unit) => unit.memoryBytes)),
    seconds,
    failures: symbols.flatMap((one) => one.failures),
  };
}

function holedUnits({ work: { range }, covered }: SoundWork): HoledUnit[] {
  return covered
    .filter(({ firstDay, day, idsLacking }) => idsLacking !== 0n && firstDay <= range.to && day >= range.from)
    .map(({ series, segment, idsLacking }) => ({ unit: unitId(series, segment), idsLacking }));
}

/** @throws UnavailableError DISK_TOO_SMALL */
export function checkDisk(plan: PopulatePlan, stateDirectory: string): void {
  if (plan.diskBytes <= plan.freeBytes) return;
  const need = Math.ceil(plan.diskBytes / 1e6);
  const free = Math.floor(plan.freeBytes / 1e6);
  throw new UnavailableError(`about ${need} MB are needed and ${free} MB are free`, {
    code: "DISK_TOO_SMALL",
    subject: stateDirectory,
    hint: "free some space, ask for fewer days, or put the state elsewhere with --state",
  });
}

/** Free bytes of the file system that holds a folder, or will hold it. */
async function freeBytesAt(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    return freeBytesAt(dirname(folder));
  }
}
